"""The words that free-form commit subjects use, by what they say about a change."""

import re

from aiops_changelog.domain import ChangeSection as Section

_VERBS = {
    Section.ADDED: "add allow create enable expose implement introduce provide support",
    Section.CHANGED: (
        "accelerate adapt adjust align alter apply change convert decrease default disable downgrade enhance extend "
        "follow hide improve increase limit lower make merge migrate modify move optimise optimize override port "
        "prefer raise reduce reimplement rename reorder replace require rework rewrite set show speed swap switch "
        "treat tune tweak unify upgrade update use"
    ),
    Section.DEPRECATED: "deprecate",
    Section.REMOVED: "delete drop eliminate kill remove retire",
    Section.FIXED: (
        "address avoid catch correct ensure escape fix guard handle patch prevent repair resolve respect restore solve "
        "unbreak validate workaround"
    ),
    Section.INTERNAL: (
        "annotate backport bump clarify clean cleanup comment document factor format inline lint pin polish prepare "
        "refactor reformat regenerate release reorganise reorganize restructure simplify sync test tidy typo uncomment "
        "vendor wip"
    ),
}
_IRREGULAR = {"made": "make", "shown": "show", "hid": "hide", "rewrote": "rewrite", "rewritten": "rewrite"}


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
    "a actually again all also an and better correctly finally first further initial just mark minor more now of one "
    "please properly quick quickly really simple slightly small some the then to try trying various we"
)
FILLERS = frozenset(_FILLERS.split())
"""Words that may stand before the verb."""

_INTERNAL_NOUNS = (
    "appveyor benchmark benchmarks changelog ci circleci codecov codeowners comment comments contributing copyright "
    "coverage dependabot docs docstring docstrings documentation editorconfig eslint fixture fixtures flake8 gitignore "
    "imports indent indentation license lint linter linting lockfile makefile mypy news prettier pylint pytest readme "
    "refactoring rubocop ruff spelling spec specs submodule submodules test tests testcase testcases testing travis "
    "typo typos unittest unittests warnings whitespace wording workflow workflows clippy rustfmt snapshot snapshots "
    "boilerplate formatting nits"
)
INTERNAL_NOUNS = frozenset(_INTERNAL_NOUNS.split())
"""Things that users of a release do not see."""

INTERNAL_PHRASE = re.compile(
    r"\b(?:dead code|unused|code style|unit tests?|build (?:failure|error|script|warning|system)s?|fix (?:the )?build"
    r"|pre-commit|github actions?|gitlab-ci|release notes?|version (?:bump|number)|(?:bump|update|upgrade)s? "
    r"(?:all )?(?:dependenc|deps|requirements|version|copyright|authors)|initial commit|first commit|code review"
    r"|review comments?|type (?:hint|annotation)s?|(?:dev|build|test) dependenc|translations? from|"
    r"post[- ]release|(?:back to|start) (?:development|dev)|next (?:development|snapshot))"
)
SECURITY_PHRASE = re.compile(
    r"\bcve-[0-9]{4}|\bghsa-|\bvulnerab|\bsecurity\b|\bxss\b|\bcsrf\b|\bssrf\b|\brce\b|\b(?:sql|command|code|header|"
    r"log|html|shell) injection|privilege escalation|(?:path|directory) traversal|denial[- ]of[- ]service|\bredos\b"
    r"|auth(?:entication|orization)? bypass|remote code execution|timing attack"
)
FIXED_PHRASE = re.compile(
    r"\b(?:fix(?:es|ed|ing)?|bugs?|bugfix|hotfix|crash(?:es|ed|ing)?|leaks?|regressions?|deadlocks?|race conditions?"
    r"|segfaults?|null pointer|npe|off[- ]by[- ]one|overflow|memory leak|typeerror|keyerror|exceptions? when|broken"
    r"|incorrect(?:ly)?|wrong(?:ly)?|hang(?:s|ing)?|infinite loop|panic(?:s|king)?)\b"
)
NEGATION = re.compile(
    r"(?:do not|don't|dont|does not|doesn't|never|stop|no more|should not|shouldn't|must not|skip|ignore)\b"
)
ADDED_PHRASE = re.compile(r"\b(?:support (?:for|of)|new (?!line)\w+|option to|ability to|first (?:version|draft) of)\b")
CHANGED_PHRASE = re.compile(
    r"\b(?:no longer|instead of|by default|faster|performance|improve\w*|better|rather than|defaults? to"
    r"|optimi[sz]\w+)\b"
)
RELEASE = re.compile(
    r"(?:(?:release|version|bump(?: version)?(?: to| from)?|prepare(?: for)?(?: release)?|tag|cut|publish)[:\s]+)?"
    r"(?:[\w@/.-]+[@\s-])?v?[0-9]+\.[0-9]+[\w.+-]*(?:\s+release| -> .*| to .*|\s+\[.*\])?\.?"
)
"""A subject that is nothing but a release."""
DEPENDENCY = re.compile(
    r"(?:bump|update|upgrade|pin)\s+\S+(?:\s+\S+){0,3}\s+(?:from\s+\S+\s+to|to|requirement)\s+\W?v?[0-9]"
)
INTERNAL_PATH = re.compile(
    r"(?:^|/)(?:tests?|testing|__tests__|specs?|docs?|documentation|\.github|\.circleci|\.gitlab|\.vscode|\.idea"
    r"|benchmarks?|fixtures|testdata|ci)/"
    r"|(?:^|/)(?:test_[^/]*|[^/]*_test\.\w+|[^/]*\.(?:test|spec)\.\w+|conftest\.py|README[^/]*|CHANGE[^/]*|NEWS[^/]*"
    r"|LICEN[SC]E[^/]*|CONTRIBUTING[^/]*|AUTHORS[^/]*|Makefile|tox\.ini|\.[^/]+|[^/]*\.(?:md|rst|adoc|lock))$",
    re.IGNORECASE,
)
"""A file that users of a release do not run."""
