"""Secrets in the places where commands and configurations of well-known tools take them."""

import re
from collections.abc import Iterator

from aiops_common.redaction.redacted import PLACEHOLDER, Kind
from aiops_common.redaction.spans import Span

# What a shell would replace ($PASS, %PASS%) is no secret.
_BARE = r"(?![$%<*])[^\s\"'<>]{3,256}"
_IN_QUOTES = r"(?!<|\$\{?\w+\}?(?P=quote))(?:(?!(?P=quote))[^\n]){1,256}"
_VALUE = rf"(?:(?P<quote>[\"'])(?P<value>{_IN_QUOTES})(?P=quote)|(?P<bare>{_BARE}))"
_LOGIN = (
    rf"(?:(?P<quote>[\"'])[^:\"'\n]{{0,100}}:(?P<value>{_IN_QUOTES})(?P=quote)|[^\s:\"']{{0,100}}:(?P<bare>{_BARE}))"
)
# An ampersand within a word is part of a URL; alone it ends the command.
_FAR = r"(?:[^\n|;&]|(?<=\S)&(?=[^\s&])){0,200}?"
_RULES = tuple(
    (literal, re.compile(pattern))
    for literal, pattern in (
        ("curl ", rf"curl\b{_FAR}[ \t](?:-u[ \t]?|--user[ \t=]){_LOGIN}"),
        ("mysql", rf"mysql(?:dump|admin)?\b{_FAR}[ \t]-p(?!-){_VALUE}"),
        ("mariadb", rf"mariadb(?:-dump|-admin)?\b{_FAR}[ \t]-p(?!-){_VALUE}"),
        ("sqlplus ", r"sqlplus[ \t][^\s/@]{1,64}/(?P<value>[^\s@]{1,256})@"),
        ("mongo", rf"mongo(?:sh|dump|restore|import|export)?\b{_FAR}[ \t]-p[ \t]{{1,4}}{_VALUE}"),
        ("ldap", rf"ldap(?:search|modify|add|delete|passwd|whoami)\b{_FAR}[ \t]-w[ \t]{{1,4}}{_VALUE}"),
        ("rabbitmqctl ", rf"rabbitmqctl (?:add_user|change_password)[ \t]{{1,4}}[^\s]{{1,100}}[ \t]{{1,4}}{_VALUE}"),
        ("--from-literal", rf"--from-literal[= ][\w.-]{{1,100}}={_VALUE}"),
        ("SecureString ", rf"ConvertTo-SecureString[ \t]{{1,4}}(?:-String[ \t]{{1,4}})?(?!-){_VALUE}"),
        ("identified by '", r"identified by '(?P<value>[^'\n]{1,256})'"),
        ("sshpass", rf"sshpass\b{_FAR}[ \t]-p[ \t]?{_VALUE}"),
        ("redis-cli", rf"redis-cli\b{_FAR}[ \t]-a[ \t]{{1,4}}{_VALUE}"),
        (
            " login ",
            rf"(?:d(?<!\wd)ocker|p(?<!\wp)odman|h(?<!\wh)elm|a(?<!\wa)z|o(?<!\wo)c|s(?<!\ws)kopeo)\b"
            rf"[^\n|;&]{{0,40}}? login\b{_FAR}[ \t]-p[ \t]{{1,4}}{_VALUE}",
        ),
        ("storepass", rf"-(?:src|dest)?storepass(?:[ \t]{{1,4}}|=)(?!-){_VALUE}"),
        ("keypass", rf"-(?:src|dest)?keypass(?:[ \t]{{1,4}}|=)(?!-){_VALUE}"),
        ("requirepass", rf"requirepass[ \t]{{1,4}}{_VALUE}"),
        ("machine ", rf"machine \S{{1,253}}[ \t]{{1,4}}login[ \t]{_FAR}\bpassword[ \t]{{1,4}}{_VALUE}"),  # netrc
        ("IDENTIFIED", rf"IDENTIFIED (?:WITH \S{{1,60}} )?(?:BY|AS)(?: PASSWORD)? {_VALUE}"),
        ("PASSWORD '", r"PASSWORD '(?P<value>[^'\n]{1,256})'"),
        ("jdbc:oracle:", r"jdbc:oracle:\w{2,8}:[^\s/:@]{1,64}/(?P<value>[^\s@]{1,256})@"),
    )
)


def command_secrets(text: str) -> Iterator[Span]:
    """Passwords on command lines, in SQL, in .netrc and in Oracle's connection strings."""
    for literal, form in _RULES:
        if literal in text:
            for match in form.finditer(text):
                # Not all rules have a bare form.
                name = match.lastgroup or "value"
                if not PLACEHOLDER.match(match[name]):
                    yield Span(*match.span(name), Kind.SECRET)
