"""What the leading emoji of a subject says. Source: https://gitmoji.dev (the gitmoji table)."""

import re

from aiops_changelog.domain import ChangeSection as Section

_TABLE = {
    Section.BREAKING: "💥 :boom:",
    Section.ADDED: "✨ :sparkles: 🥚 :egg: 🚩 :triangular_flag_on_post: 🩺 :stethoscope: 📈 :chart_with_upwards_trend:",
    Section.CHANGED: (
        "⚡ :zap: 💄 :lipstick: 👽 :alien: 🍱 :bento: ♿ :wheelchair: 💬 :speech_balloon: 🗃 :card_file_box: "
        "🔊 :loud_sound: 🔇 :mute: 🚸 :children_crossing: 📱 :iphone: 🔍 :mag: 🏷 :label: 💫 :dizzy: "
        "🛂 :passport_control: 👔 :necktie: 🧵 :thread: 🦺 :safety_vest: ✈ :airplane: 🌐 :globe_with_meridians:"
    ),
    Section.DEPRECATED: "🗑 :wastebasket:",
    Section.REMOVED: "🔥 :fire:",
    Section.FIXED: "🐛 :bug: 🚑 :ambulance: 🩹 :adhesive_bandage: 🥅 :goal_net:",
    Section.SECURITY: "🔒 :lock:",
    Section.INTERNAL: (
        "🎨 :art: 📝 :memo: 🚀 :rocket: 🎉 :tada: ✅ :white_check_mark: 🔐 :closed_lock_with_key: 🔖 :bookmark: "
        "🚨 :rotating_light: 🚧 :construction: 💚 :green_heart: ⬇ :arrow_down: ⬆ :arrow_up: 📌 :pushpin: "
        "👷 :construction_worker: ♻ :recycle: ➕ :heavy_plus_sign: ➖ :heavy_minus_sign: 🔧 :wrench: 🔨 :hammer: "
        "✏ :pencil2: 💩 :poop: 🔀 :twisted_rightwards_arrows: 📦 :package: 🚚 :truck: 📄 :page_facing_up: 💡 :bulb: "
        "🍻 :beers: 👥 :busts_in_silhouette: 🏗 :building_construction: 🤡 :clown_face: 🙈 :see_no_evil: "
        "📸 :camera_flash: ⚗ :alembic: 🌱 :seedling: ⚰ :coffin: 🧪 :test_tube: 🧐 :monocle_face: 🧱 :bricks: "
        "🧑‍💻 :technologist: 💸 :money_with_wings:"
    ),
}
_SECTIONS = {mark: section for section, marks in _TABLE.items() for mark in marks.split()}
_LEADING = re.compile(
    r"(:[a-z0-9_+-]+:|[\u203c-\u2bff\U0001f000-\U0001faff](?:\u200d?[\u2600-\u27bf\U0001f3fb-\U0001faff])*)\ufe0f?\s*"
)


def split(subject: str) -> tuple[Section, str] | None:
    """Section and the subject without its leading emoji; None where it has none that the table knows."""
    match = _LEADING.match(subject)
    if not match:
        return None
    section = _SECTIONS.get(match[1])
    return (section, subject[match.end() :]) if section else None
