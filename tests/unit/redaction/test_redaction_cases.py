"""Texts as people and programs write them: what has to go, and what has to stay."""

import pytest
from pydantic import BaseModel

from aiops_common.redaction import redact, restore_model

_GONE = [
    ("mail to O'Brien@example.ie.", "mail to <EMAIL_1>."),
    ("<bob@example.com>", "<<EMAIL_1>>"),
    ("from=alice@sub.example.co.uk;", "from=<EMAIL_1>;"),
    ("client 192.168.10.4:51234 closed", "client <IP_1>:51234 closed"),
    ("server 10.0.0.1 to /10.0.0.2, 10.0.0.1-10.0.0.9", "server <IP_1> to /<IP_2>, <IP_1>-<IP_3>"),
    ("[2001:db8::8a2e:370:7334]:443", "[<IP_1>]:443"),
    ("peer 2001:db8:0:0:1:0:0:1 gone", "peer <IP_1> gone"),
    ("SSN 123-45-6789", "SSN <SSN_1>"),
    ("social security number 123 45 6789", "social security number <SSN_1>"),
    ("call (212) 555-0123 x45 now", "call <PHONE_1> now"),
    ("555-234-5678", "<PHONE_1>"),
    ("06.12.34.56.78", "<PHONE_1>"),
    ("+44 (0)20 7946 0958", "<PHONE_1>"),
    ("Tel: 030 1234567", "Tel: <PHONE_1>"),
    ("Card 4111 1111 1111 1111 12/27", "Card <CARD_1> 12/27"),
    ("pay 378282246310005!", "pay <CARD_1>!"),
    ("GET https://bob:s3cret@example.com/x", "GET https://<SECRET_1>@example.com/x"),
    ("amqp://user:p%40ss@rabbit:5672/", "amqp://<SECRET_1>@rabbit:5672/"),
    ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic <SECRET_1>"),
    ("authorization: Bearer abc.def-123", "authorization: Bearer <SECRET_1>"),
    ("curl -H 'Authorization: Bearer abcdefgh12345678'", "curl -H 'Authorization: Bearer <SECRET_1>'"),
    ("Cookie: sid=abc; theme=dark", "Cookie: <SECRET_1>"),
    ("password is hunter2, please", "password is <SECRET_1>, please"),
    ('{"password": "a \\"quoted\\" one", "x": 1}', '{"password": "<SECRET_1>", "x": 1}'),
    ("mysql --password hunter2 db", "mysql --password <SECRET_1> db"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow==\n-----END RSA PRIVATE KEY-----\nend", "<PEM_1>\nend"),
    ("-----BEGIN PRIVATE KEY-----\nMIIEow", "<PEM_1>"),
    ("tls.key: LS0tLS1CRUdJTi" + "BQUklWQVRFIEtFWS0tLS0tCk1JSUVvdz09" * 2 + "==", "tls.key: <PEM_1>"),
    ("- name: DB_PASSWORD\n  value: hunter2\n- name: X", "- name: DB_PASSWORD\n  value: <SECRET_1>\n- name: X"),
    ('{"name": "DB_PASSWORD", "value": "hunter2"}', '{"name": "DB_PASSWORD", "value": "<SECRET_1>"}'),
    ('<add key="ApiSecret" value="hunter2"/>', '<add key="ApiSecret" value="<SECRET_1>"/>'),
    ("mysql -u root -phunter2 shop", "mysql -u root -p<SECRET_1> shop"),
    ("curl -sS -u admin:hunter2 http://x/", "curl -sS -u admin:<SECRET_1> http://x/"),
    ("docker login -u x -p hunter2", "docker login -u x -p <SECRET_1>"),
    ("CREATE USER a IDENTIFIED BY 'hunter2'", "CREATE USER a IDENTIFIED BY '<SECRET_1>'"),
    ("machine x login y password hunter2", "machine x login y password <SECRET_1>"),
    ("jdbc:oracle:thin:app/hunter2@db:1521/x", "jdbc:oracle:thin:app/<SECRET_1>@db:1521/x"),
    ("SMTP_PASS=hunter2x", "SMTP_PASS=<SECRET_1>"),
    ("smtpPass: hunter2x", "smtpPass: <SECRET_1>"),
    ("?sv=1&sig=abcdefghij0123456789%3D&x=1", "?sv=1&sig=<SECRET_1>&x=1"),
    ("mot de passe : hunter2", "mot de passe : <SECRET_1>"),
    ("密码：hunter2", "密码：<SECRET_1>"),
    ("curl -uadmin:hunter2 http://x/", "curl -uadmin:<SECRET_1> http://x/"),
    ("curl --user=admin:pa$$wd http://x/", "curl --user=admin:<SECRET_1> http://x/"),
    ("curl 'http://x/?a=1&b=2' -u 'admin:my pass'", "curl 'http://x/?a=1&b=2' -u 'admin:<SECRET_1>'"),
    ("mysql -u root -p'my pass' shop", "mysql -u root -p'<SECRET_1>' shop"),
    ("mariadb-dump -p100%sure shop", "mariadb-dump -p<SECRET_1> shop"),
    ('sshpass -p "it\'s mine" ssh host', 'sshpass -p "<SECRET_1>" ssh host'),
    ("redis-cli -a hunter*2 ping", "redis-cli -a <SECRET_1> ping"),
    ("IDENTIFIED BY 'a b<c>'", "IDENTIFIED BY '<SECRET_1>'"),
    ("redis pass: hunter2x", "redis pass: <SECRET_1>"),
    ("mir 2200 1234 5678 9019", "mir <CARD_1>"),
    ("pass=foo=abcd1234efgh", "pass=<SECRET_1>"),
    ("db_pass: a.b=secret12345", "db_pass: <SECRET_1>"),
    ("pw: pwd=a00001", "pw: pwd=<SECRET_1>"),
    ("keytool -storepass hunter2 -keypass changeit", "keytool -storepass <SECRET_1> -keypass <SECRET_2>"),
    ("PASSWORD ';john.doe@example.com", "PASSWORD ';<EMAIL_1>"),
]

_STAYS = [
    "tests pass: build2024a; 12 pass: build2024b; must pass: release10candidate",
    'mysql -p$PASSWORD shop; sshpass -p "${SSH_PASS}" ssh host; curl -u admin:$PASS http://x/',
    "2024-03-01T12:34:56.789Z 2015-07-29 17:41:44,747 17/06/09 20:10:40 1117838570 2005.06.03",
    "081109 203615 148 INFO blk_-1608999687919862906 and blk_38865049064139660",
    "job 123e4567-e89b-12d3-a456-426614174000 at 9f8e7d6c5b4a39281706f5e4d3c2b1a098765432",
    "version 1.2.3.4, v10.0.0.1, release: 4.3.2.1, package-1.2.3.4, oid 1.3.6.1.4.1.311",
    "127.0.0.1 0.0.0.0 255.255.255.0 ::1 ::",
    "shape[1::-1] and rows[10::20]",
    "std::vector<a::b> Foo::Bar::baz 00:1a:2b:3c:4d:5e 12:34:56",
    "Failed password for invalid user admin from port 22 ssh2",
    "password: required, token: expired, secret=null, password=*****, api_key=${API_KEY}",
    "password is incorrect; the password is not working; token is missing",
    "max_tokens=500 token_count: 17 key=value keyboard: us monkey: 5",
    "git@github.com:org/repo.git getty@tty1.service icon@2x.png react@18.2.0 @decorator",
    "exit code 137, pid 28364, 1048576 bytes, error 0x80070005, line 4111",
    "order 4111111111111112 of 1234567890123456",
    "Unexpected token } in JSON at position 17",
    "UA Browser/115.0.0.0 package==8.6.0.163 kernel 5.15.90.1-generic",
    "(query: string, token: CancellationToken): Provider PWD=/proc/self/cwd",
    "90 8e a0 66 00 00 00 00 00 66 90 1f 84 at [[255 255 255] 023-08-14 21:43:55",
    "https://ci.example.com/task/5522204518514688?logs=1",
    "password INC0012345, password for CVE-2024-12345, 1Password 8.10.28-beta, password v8.10.28-rc1",
    "task-force-one disk-usage-report-2024-01-01-of-the-week",
]


@pytest.mark.parametrize(("text", "expected"), _GONE)
def test_is_replaced(text: str, expected: str) -> None:
    redacted = redact(text)
    assert redacted.text == expected
    assert redacted.restore(expected) == text


@pytest.mark.parametrize("text", _STAYS)
def test_is_left_alone(text: str) -> None:
    assert redact(text).text == text


class _Reason(BaseModel):
    quote: str


class _Answer(BaseModel):
    reasons: list[_Reason]
    by_host: dict[str, int]


def test_an_answer_is_restored_at_any_depth() -> None:
    redacted = redact("a@example.com at 10.1.2.3")
    answer = _Answer(reasons=[_Reason(quote="says <EMAIL_1>, not <EMAIL_2>")], by_host={"<IP_1>": 3})
    restored = restore_model(answer, redacted)
    assert restored.reasons[0].quote == "says a@example.com, not <EMAIL_2>"
    assert restored.by_host == {"10.1.2.3": 3}


@pytest.mark.parametrize("end", ["\\n", "\\r\\n", "\\t", "\n"])
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("650-752-7354", "PHONE"),
        ("+41 53 147 37 99", "PHONE"),
        ("4111 1111 1111 1111", "CARD"),
        ("536-22-8726", "SSN"),
        ("jane.doe@corp.example", "EMAIL"),
        ("DE89370400440532013000", "IBAN"),
        ("10.20.30.40", "IP"),
        ("AKIAIOSFODNN7EXAMPLE", "KEY"),
        ("aiops_" + "a1B2c3D4e5" * 4 + "xyz", "KEY"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9mLWl0", "JWT"),
    ],
)
def test_an_escaped_line_end_is_no_part_of_a_word(end: str, value: str, kind: str) -> None:
    assert redact(f"to{end}{value}{end}from").text == f"to{end}<{kind}_1>{end}from"


def test_what_may_be_an_escape_may_also_be_the_beginning_of_a_name() -> None:
    assert redact(r"settings\token=s3cr3t-v4lue").text == r"settings\token=<SECRET_1>"


@pytest.mark.parametrize("after", [" office", " fax", " mobile", "-Office", " (cell)"])
def test_what_kind_of_phone_it_is_may_stand_behind_the_number(after: str) -> None:
    assert redact(f"085 185 1604{after}").text == f"<PHONE_1>{after}"


@pytest.mark.parametrize("text", ["build n650-752-7354", "id_n4111111111111111"])
def test_what_is_glued_to_a_word_is_an_id_all_the_same(text: str) -> None:
    assert redact(text).text == text


def test_what_is_said_to_be_a_card_is_one_whoever_issued_it() -> None:
    assert redact("please block card no 3521655852398689").text == "please block card no <CARD_1>"
    assert redact("block order no 3521655852398689").text == "block order no 3521655852398689"
    assert redact("please block card no 3521655852398688").text == "please block card no 3521655852398688"
