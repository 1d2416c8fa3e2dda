from aiops_changelog.engine import notes

from .drafting import DAY, draft_of


def test_notes_tell_users_what_they_notice() -> None:
    draft = draft_of("feat(ui): dark theme (#12)", "fix: crash", "chore: tidy", previous="1.2.0")
    assert notes.write(draft, project="Demo", released_on=DAY) == (
        f"Demo 1.3.0 (2024-05-01)\n\n{draft.summary}\n\nAdded:\n- ui: dark theme (#12)\n\nFixed:\n- crash\n"
    )


def test_long_sections_are_counted_and_a_release_without_a_name_is_the_next() -> None:
    text = notes.write(draft_of(*(f"feat: thing {i}" for i in range(60))), project="Demo", released_on=DAY)
    assert text.startswith("Demo, next release\n\n")
    assert text.endswith("- thing 49\n- and 10 more\n")
