"""A field gets another name while two releases work on its table: docs/migrations.md goes through it.

``release_1`` knows ``msg``, ``release_3`` knows ``message``, and ``release_2`` leads from one to the other. In a
service they would be the same files at three times; here they lie side by side, so that they can run together.
"""
