"""The words that free-form commit subjects use, by what they say about a change. Plain tables: they load at once."""

import re

from aiops_changelog.domain import ChangeSection as Section

_VERBS = {
    Section.ADDED: (
        "accept add allow create detect emit enable export expose implement include introduce let offer provide ship "
        "support"
    ),
    Section.CHANGED: (
        "accelerate adapt adjust align alter apply batch cache change compress decrease default defer disable "
        "display enhance extend follow hide improve increase limit lower make memoise memoize merge minify modify "
        "optimise optimize override parallelise parallelize port prefer preload print raise redesign reduce "
        "reimplement rename reorder replace require restyle reuse rewrite set show shrink sort speed swap switch "
        "treat trim tune tweak unify update use"
    ),
    Section.DEPRECATED: "deprecate",
    Section.REMOVED: "delete discontinue drop eliminate kill remove retire",
    Section.FIXED: (
        "address allocate avoid catch check clear close consider correct ensure escape exclude fix guard handle honor "
        "honour keep mitigate normalise normalize omit pass patch preserve prevent recover reject repair reset "
        "resolve respect restore return sanitise sanitize solve strip tolerate unbreak validate wait watch workaround"
    ),
    Section.INTERNAL: (
        "annotate assert backport bump clarify clean cleanup comment consolidate convert cover decouple deduplicate "
        "document downgrade extract factor format inline isolate lint migrate mock modernise modernize modularise "
        "modularize move pin polish prepare reference refactor reformat regenerate release relocate reorganise "
        "reorganize rephrase restructure reword rework silence simplify split sync test tidy typo uncomment upgrade "
        "vendor wip"
    ),
}
_IRREGULAR = {
    **{"made": "make", "shown": "show", "hid": "hide", "rewrote": "rewrite", "rewritten": "rewrite", "kept": "keep"},
    **{"sped": "speed", "caught": "catch"},
}


def _forms(verb: str) -> list[str]:
    """The verb, its third person, past tense and gerund, with the consonant doubled or not."""
    stem = verb[:-1] if verb.endswith("e") else verb
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return [verb, verb[:-1] + "ies", verb[:-1] + "ied", verb + "ing"]
    sibilant = verb.endswith(("s", "x", "sh", "ch"))
    doubled = verb + verb[-1]
    third = verb + ("es" if sibilant else "s")
    return [verb, third, stem + "ed", stem + "ing", doubled + "ed", doubled + "ing"]


VERBS: dict[str, Section] = {
    **{form: section for section, verbs in _VERBS.items() for verb in verbs.split() for form in _forms(verb)},
    **{
        form: section for section, verbs in _VERBS.items() for form, verb in _IRREGULAR.items() if verb in verbs.split()
    },
}
"""Every form of every verb → the section that it opens."""

_FILLERS = (
    "a actually again all also always an and better correctly finally first further initial just mark minor more now "
    "of one only please properly quick quickly really simple slightly small some temporarily the then to try trying "
    "various we"
)
FILLERS = frozenset(_FILLERS.split())
"""Words that may stand before the verb."""

_INTERNAL_NOUNS = (
    "example examples matrix appveyor benchmark benchmarks boilerplate changelog ci circleci clippy codecov chapter "
    "codeowners codestyle comment comments contributing contributors copyright coverage dependabot devdependencies "
    "docblock dockerfile docs docstring docstrings documentation e2e editorconfig eslint fixture fixtures flake8 "
    "formatter formatting gitignore helper helpers indent indentation internal internals jenkinsfile jsdoc license "
    "lint linter linting lockfile makefile mypy news nits playground prettier pylint pytest readme refactoring "
    "renovate rubocop ruff rustfmt selftest selftests spec specs spelling storybook submodule submodules test "
    "testcase testcases testing tests todo todos travis tsconfig tutorial tutorials typo typos unittest unittests "
    "whitespace workflow workflows"
)
INTERNAL_NOUNS = frozenset(_INTERNAL_NOUNS.split())
"""Things that users of a release do not see."""

_INTERNAL_AREAS = "doc maintainers scripts tooling tools"
AREAS = INTERNAL_NOUNS | frozenset(_INTERNAL_AREAS.split())
"""Parts of a project, named in front of a subject, that users do not see."""

OUTSIDE = frozenset(("support", "option", "flag", "command", "when", "if"))
"""What names something that users see, or begins to say when: internal nouns behind it say nothing."""

_PERFORMANCE = (
    "faster performance perf latency speedup throughput lazily overhead allocation allocations hot lazy copying "
    "copies needless repeated"
)
PERFORMANCE = frozenset(_PERFORMANCE.split())
"""What is done about these changes no behaviour but how fast it is."""

_CUES = {
    Section.DEPRECATED: "deprecated deprecation deprecationwarning",
    Section.SECURITY: "cve ghsa vulnerability vulnerabilities vulnerable security xss csrf ssrf rce redos",
    Section.INTERNAL: "unused unneeded unnecessary redundant deadcode clarity readability assertion assertions",
    Section.FIXED: (
        "fix fixes fixed fixing bug bugs bugfix hotfix crash crashes crashed crashing leak leaks regression "
        "regressions stuck deadlock deadlocks segfault segfaults npe overflow typeerror keyerror broken incorrect "
        "incorrectly correct wrong wrongly hang hangs hanging panic panics missing invalid properly correctly "
        "mistakenly undefined failing fails failure"
    ),
    Section.ADDED: "new ability can configurable",
    Section.CHANGED: f"instead better bigger smaller {_PERFORMANCE}",
}
# Teams whose language is German mix it into English subjects; the verb then stands at the end, as a participle.
_GERMAN = {
    Section.ADDED: "eingeführt ergänzt hinzugefügt neu neue neuen neuer neues unterstützt unterstützung",
    Section.CHANGED: "aktualisiert angepasst ersetzt geändert umbenannt umgestellt verbessert vereinheitlicht",
    Section.REMOVED: "ausgebaut entfernt entfällt gelöscht",
    Section.FIXED: "absturz behebt behoben fehler fehlerhaft gefixt korrigiert korrektur repariert verhindert",
    Section.DEPRECATED: "abgekündigt",
    Section.INTERNAL: "aufgeräumt doku dokumentation dokumentiert refaktoriert tippfehler",
}
_COMPLAINTS = (
    "error errors issue issues problem problems cannot can't exception exceptions warning double duplicate "
    "duplicated stale typings"
)
COMPLAINTS = frozenset(_COMPLAINTS.split())
"""What is wrong, where no verb says what is done about it."""
CONDITIONS = frozenset(("after", "if", "unless", "when", "whenever", "while"))
"""A sentence without any verb of change that says what happens under a condition tells of a mistake."""
_SECRETS = "credential credentials password passwords secret secrets token tokens"
SECRETS = frozenset(_SECRETS.split())
_DISCLOSURES = "disclose disclosed expose exposed exposing leak leaked leaking leaks log logged logging"
DISCLOSURES = frozenset(_DISCLOSURES.split())
"""What must not be done with a secret."""
LEAKS = frozenset(("disclose", "disclosed", "leak", "leaked", "leaking", "leaks"))
"""What always is a mistake where it is a secret: to log and to expose are also what programs are for."""
SUPPLIES = frozenset(("build", "distribute", "offer", "provide", "publish", "ship", "support"))
"""What is no longer done when something is taken away."""

_PAIRS = {
    Section.REMOVED: "rid of",
    Section.SECURITY: (
        "sql injection|command injection|code injection|header injection|log injection|html injection|"
        "shell injection|privilege escalation|path traversal|directory traversal|denial of|auth bypass|"
        "authentication bypass|authorization bypass|remote code|timing attack|prototype pollution|open redirect"
    ),
    Section.INTERNAL: (
        "dead code|code style|unit test|unit tests|build failure|build error|build script|build scripts|"
        "build warning|build system|fix build|the build|pre commit|github action|github actions|gitlab ci|"
        "release note|release notes|version bump|version number|bump dependencies|update dependencies|"
        "upgrade dependencies|updates dependencies|update dependency|update deps|bump deps|upgrade deps|"
        "all dependencies|dev dependency|update requirements|update version|bump version|update copyright|"
        "update authors|initial commit|first commit|code review|review comments|review comment|review feedback|"
        "commented out|broken link|broken links|dead link|dead links|type hint|type hints|type annotation|"
        "type annotations|merge conflicts|resolve conflicts|merge conflict|re generate|update snapshots|"
        "update snapshot|fix imports|clean imports|up imports|sort imports|imports in|compiler warning|"
        "compiler warnings|fix warnings|lint warnings|false positive|false positives|issue template|issue templates|"
        "in tests|for tests|the tests|test data|dev dependencies|build dependencies|test dependencies|post release|"
        "back to|start development|next development|next snapshot|lock file|magic number|magic numbers"
    ),
    Section.FIXED: (
        "race condition|race conditions|null pointer|off by|memory leak|exception when|infinite loop|make sure|"
        "makes sure|made sure"
    ),
    Section.ADDED: "support for|support of|option to|ability to|first version|first draft|allow for|it possible",
    Section.CHANGED: "no longer|instead of|by default|rather than|default to|defaults to",
}
CUES: dict[str, Section] = {
    word: section for table in (_CUES, _GERMAN) for section, words in table.items() for word in words.split()
}
"""A word that says something wherever it stands."""
CUE_WORDS = frozenset(CUES)
PAIRS: dict[str, Section] = {pair: section for section, pairs in _PAIRS.items() for pair in pairs.split("|")}
"""Two words, one behind the other, that do."""
PAIR_WORDS = frozenset(max(pair.split(), key=len) for pair in PAIRS)
"""The longer word of each pair, which is the rarer one: without any of them there is no pair."""

_NEGATIONS = (
    "don't dont doesn't never stop no shouldn't can't skip skips skipped skipping ignore ignores ignored ignoring"
)
NEGATIONS = frozenset(_NEGATIONS.split())
PREVENTIONS = NEGATIONS | {"avoid", "avoids", "avoided", "prevent", "prevents", "prevented"}
NEGATED = frozenset(("do not", "does not", "should not", "must not", "no more"))

DEPENDENCY_VERBS = frozenset(("bump", "bumps", "bumped", "update", "updates", "upgrade", "upgrades", "pin"))
DEPENDENCY = re.compile(
    r"(?:bump|update|upgrade|pin)s?\s+\S+(?:\s+\S+){0,3}\s+(?:from\s+\S+\s+to|to|requirement)\s+\W?v?[0-9]"
)
RELEASE = re.compile(
    r"(?:(?:release|version|bump(?: version)?(?: to| from)?|prepare(?: for)?(?: release)?|tag|cut|publish)[:\s]+)?"
    r"(?:[\w@/.-]+[@\s-])?v?[0-9]+\.[0-9]+[\w.+-]*(?:\s+release| -> .*| to .*|\s+\[.*\])?\.?"
)
"""A subject that is nothing but a release."""
INTERNAL_PATH = re.compile(
    r"(?:^|/)(?:tests?|testing|__tests__|specs?|docs?|documentation|\.github|\.circleci|\.gitlab|\.vscode|\.idea"
    r"|benchmarks?|fixtures|testdata|ci)/"
    r"|(?:^|/)(?:test_[^/]*|[^/]*_test\.\w+|[^/]*\.(?:test|spec)\.\w+|conftest\.py|README[^/]*|CHANGE[^/]*|NEWS[^/]*"
    r"|LICEN[SC]E[^/]*|CONTRIBUTING[^/]*|AUTHORS[^/]*|Makefile|tox\.ini|\.[^/]+|[^/]*\.(?:md|rst|adoc|lock))$",
    re.IGNORECASE,
)
"""A file that users of a release do not run."""
