-- wrk script: tickets with distinct titles and distinct bodies of 1,024 bytes, as GraphQL mutations or as JSON.
--
-- Arguments after "--": <graphql|json> <label> <mean pause between the requests of one client in ms, 0 for none> <keys|->
-- Environment: BENCH_TOKEN, the access token.
-- Every ticket's `source` is "<label>.<microseconds since the epoch when the request was made>", so that the database
-- knows when its client began to wait. The last line of output is RESULT and one JSON object.

local ffi = require("ffi")
ffi.cdef([[
  typedef struct { long seconds; long nanoseconds; } bench_time;
  int clock_gettime(int clock, bench_time *now);
]])
local REALTIME = 0
local BODY_BYTES = 1024
local MUTATION = "mutation Triage($input: TriageTicketInput!) "
  .. "{ triageTicket(input: $input) { ticket { id state } userErrors { message } } }"

local SUBJECTS = {
  "Checkout answers 502 for some customers", "Cannot log in to the payroll portal", "Please add dark mode to reports",
  "Nightly export is slower than last week", "How do I change my invoice address", "Disk of the build server is full",
  "Password shown in plain text in a log", "New colleague needs access to the wiki", "Search returns no results",
}
local SENTENCES = {
  "Since the deployment at nine this morning about a third of all requests end with a timeout.",
  "I cleared the cache and tried another browser, nothing changed.",
  "The load balancer marks two of three backends as unhealthy and then takes them back.",
  "Everybody in the finance team sees the same page, so it is not only my laptop.",
  "Please tell me whom to ask, the handbook names somebody who has left the company.",
  "The dashboard shows CPU at one hundred percent and the queue keeps growing.",
  "A restart of the worker helped for ten minutes, then the error came back.",
  "This is not urgent, the end of the month is early enough.",
  "Customers are calling and we have no workaround that we could offer them.",
  "The invoice has the wrong amount and the discount of last year is missing.",
  "The log repeats connection refused and then out of memory.",
  "It would be nice if the list could be sorted by date as well.",
  "My manager approved the request yesterday, her mail is attached.",
  "We noticed log-ins from a country where nobody of us works.",
}

-- Global, because thread:get reads globals only.
accepted, refused, first_refusal = 0, 0, ""
local now, created = ffi.new("bench_time"), 0
local kind, label, pause, with_keys

local function microseconds()
  ffi.C.clock_gettime(REALTIME, now)
  return string.format("%d%06d", tonumber(now.seconds), math.floor(tonumber(now.nanoseconds) / 1000))
end

local function body_of(number)
  local parts = { string.format("Reported by desk%d@example.com from 10.%d.%d.7.",
    number, number % 200, math.floor(number / 200) % 200) }
  local length = #parts[1]
  while length < BODY_BYTES do
    local sentence = SENTENCES[math.random(#SENTENCES)]
    parts[#parts + 1] = sentence
    length = length + 1 + #sentence
  end
  return table.concat(parts, " "):sub(1, BODY_BYTES)
end

function init(arguments)
  kind, label, pause, with_keys = arguments[1], arguments[2], tonumber(arguments[3]), arguments[4] == "keys"
  math.randomseed(20260101)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
  if pause > 0 then
    -- Uniform between nothing and twice the mean, so that clients do not march in step.
    function delay() return math.random(0, 2 * pause) end
  end
end

function request()
  created = created + 1
  local fields = string.format('"title":"%s (%d)","body":"%s","source":"%s.%s"',
    SUBJECTS[created % #SUBJECTS + 1], created, body_of(created), label, microseconds())
  if kind == "json" then
    return wrk.format(nil, nil, nil, "{" .. fields .. "}")
  end
  if with_keys then
    fields = fields .. string.format(',"idempotencyKey":"%s-%d"', label, created)
  end
  return wrk.format(nil, nil, nil, '{"query":"' .. MUTATION .. '","variables":{"input":{' .. fields .. "}}}")
end

function response(status, _, body)
  local good
  if kind == "json" then
    good = status == 202 and body:find('"PENDING"', 1, true)
  else
    good = status == 200 and body:find('"userErrors":[]', 1, true) and body:find('"PENDING"', 1, true)
      and not body:find('"errors"', 1, true)
  end
  if good then
    accepted = accepted + 1
  else
    refused = refused + 1
    if first_refusal == "" then first_refusal = status .. " " .. body:sub(1, 300) end
  end
end

local threads = {}
function setup(thread) threads[#threads + 1] = thread end

local function json_text(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return string.format("\\u%04x", c:byte()) end) .. '"'
end

function done(summary, latency, _)
  local good, bad, sample = 0, 0, ""
  for _, thread in ipairs(threads) do
    good, bad = good + thread:get("accepted"), bad + thread:get("refused")
    sample = thread:get("first_refusal")
  end
  local errors = summary.errors
  print(string.format(
    'RESULT {"accepted":%d,"refused":%d,"first_refusal":%s,"seconds":%.6f,"socket_errors":%d,"p50_ms":%.3f,"p99_ms":%.3f}',
    good, bad, json_text(sample), summary.duration / 1e6, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
