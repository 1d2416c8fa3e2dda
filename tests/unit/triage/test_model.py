"""The trained model: what it learns, what it answers, what it refuses."""

import io
import re
import subprocess
import sys
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from aiops_triage.engine import classify
from aiops_triage.engine.model import Example, InvalidModel, TooFewExamples, TrainedModel, dump, load, train
from aiops_triage.engine.model.calibration import NEVER_SURE, expected_calibration_error, threshold_for
from aiops_triage.engine.model.features import text_of
from aiops_triage.engine.model.vocabulary import learn_vocabulary

ABOUT = {
    "ACCESS": ["password reset", "unlock account", "grant permission", "login denied", "badge lost"],
    "HR": ["annual leave", "payslip missing", "new starter", "parental leave", "timesheet late"],
    "BILLING": ["invoice wrong", "refund please", "purchase order", "payment late", "quote needed"],
}
EXAMPLES = [
    Example(f"{what} {number % 4}", f"hello please help with {what} thanks", label)
    for label, whats in ABOUT.items()
    for number, what in enumerate(whats * 6)
]


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    return train(EXAMPLES, sorted(ABOUT))


def test_it_learns_and_is_sure_of_what_it_has_seen(model: TrainedModel) -> None:
    prediction = model.predict("Payslip", "my payslip is missing")
    assert (prediction.label, prediction.is_sure) == ("HR", True)
    assert model.metrics["macro_f1"] > 0.9
    assert model.metrics["examples"] == len(EXAMPLES)


def test_the_same_seed_gives_the_same_bytes_and_a_loaded_model_answers_alike(model: TrainedModel) -> None:
    stored = dump(model)
    assert stored == dump(train(EXAMPLES, sorted(ABOUT)))
    assert [load(stored).predict(e.title, e.body) for e in EXAMPLES] == [
        model.predict(e.title, e.body) for e in EXAMPLES
    ]


@given(st.lists(st.text(st.sampled_from("ab é1.,-\n\tß漢") | st.characters(codec="utf-8"), max_size=40), min_size=1))
@settings(max_examples=50)
def test_words_and_letters_are_those_of_scikit_learn(bodies: list[str]) -> None:
    texts = [text_of("title", body) for body in [*bodies, "title ab a", "title ab b"]]
    vocabulary = learn_vocabulary(texts)
    start = 0
    words, letters = {"ngram_range": (1, 2)}, {"analyzer": "char_wb", "ngram_range": (3, 5)}
    written, lead = [text.written for text in texts], [text.lead for text in texts]
    kinds: tuple[tuple[dict[str, Any], list[str], float], ...] = (
        (words, written, 0.5),
        (words, lead, 0.5),
        (letters, written, 1.0),
    )
    for block, (options, read, damping) in zip(vocabulary.blocks, kinds, strict=False):
        # scikit-learn's own min_df refuses texts of which nothing is left.
        theirs = CountVectorizer(**options).fit([*read, "ab cd"])
        counts = theirs.transform(read)
        kept = np.flatnonzero((counts > 0).sum(axis=0).A1 >= 2)
        assert [str(term) for term in theirs.get_feature_names_out()[kept]] == list(block.terms)
        if len(kept):
            weights = TfidfTransformer().fit(counts[:, kept])
            expected = weights.transform(counts[:, kept].astype(float).power(damping)).toarray()
            for text, row in zip(texts, expected, strict=True):
                ours = np.zeros(len(vocabulary))
                vector = vocabulary.encode(text)
                ours[vector.places] = vector.values
                assert np.allclose(ours[start : start + len(block.terms)], row)
        start += len(block.terms)


def test_a_lead_leaves_out_what_the_template_says() -> None:
    text = text_of("Crash", "<!-- Describe the BUG -->It breaks " + "x" * 2_000)
    assert text.lead.split()[:2] == ["it", "breaks"]
    assert len(text.lead) < len(text.written)
    assert "describe the bug" in text.written


def test_too_few_examples_are_refused_with_what_is_missing() -> None:
    with pytest.raises(TooFewExamples, match="HR has 1"):
        train([*EXAMPLES[:30], Example("leave", "", "HR")], sorted(ABOUT))
    with pytest.raises(TooFewExamples, match="1 label"):
        train(EXAMPLES[:30], sorted(ABOUT))
    with pytest.raises(ValueError, match="'PETS'"):
        train([*EXAMPLES, Example("cat", "", "PETS")], sorted(ABOUT))


@pytest.mark.parametrize(
    "text", ["", "🙂" * 5000, "x" * 100_000, "\x00\x07\x1b[31m", "הכל מת 全部停止 всё упало", "a " * 50_000]
)
def test_any_text_gets_an_answer(model: TrainedModel, text: str) -> None:
    for title, body in ((text, ""), ("", text)):
        assert 0 <= model.predict(title, body).confidence <= 1
        assert classify(title, body, model).category in ABOUT


def npz(about: NDArray[Any], coefficients: NDArray[Any]) -> bytes:
    into = io.BytesIO()
    np.savez_compressed(into, about=about, coefficients=coefficients)
    return into.getvalue()


def bomb() -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about.npy", b"\0" * 40_000_000)
        archive.writestr("coefficients.npy", b"")
    return into.getvalue()


def test_hostile_bytes_are_refused(model: TrainedModel) -> None:
    stored = dump(model)
    pickled = npz(about=np.array([{"a": 1}], dtype=object), coefficients=np.zeros(1))
    short = npz(about=np.load(io.BytesIO(stored))["about"], coefficients=np.zeros((1, 3), np.float16))
    not_json = npz(about=np.zeros(9, np.uint8), coefficients=np.zeros((1, 3), np.float16))
    for data in (b"", b"PK\x03\x04", stored[:-30], stored[: len(stored) // 2], pickled, short, not_json, bomb()):
        with pytest.raises(InvalidModel):
            load(data)


def test_a_model_of_another_format_is_told_from_a_broken_one() -> None:
    about = np.frombuffer(b'{"format": 1, "words": {"terms": [], "weights": []}}', np.uint8)
    with pytest.raises(InvalidModel, match="format 1, this version reads 2: train it again"):
        load(npz(about=about, coefficients=np.zeros((1, 3), np.float16)))


@pytest.mark.parametrize("number", ["1e308", "-1e10", "NaN", "Infinity"])
@pytest.mark.parametrize("member", ["weights", "intercepts", "offsets"])
def test_numbers_that_would_overflow_are_refused(model: TrainedModel, member: str, number: str) -> None:
    arrays = np.load(io.BytesIO(dump(model)))
    about = re.sub(rf'"{member}":\[[^,\]]+', f'"{member}":[{number}', arrays["about"].tobytes().decode(), count=1)
    hostile = npz(np.frombuffer(about.encode(), np.uint8), arrays["coefficients"])
    with pytest.raises(InvalidModel, match=member):
        load(hostile)


def test_classify_says_what_was_learned_and_what_the_rules_say(model: TrainedModel) -> None:
    agreed = classify("Password reset", "please", model)
    assert agreed.category == "ACCESS"
    assert "the rules agree" in agreed.reasons[0]
    unseen = classify("Ransomware, malware and a data breach", "We were hacked by an attacker", model)
    assert (unseen.category, unseen.needs_review) == ("SECURITY", True)


def test_classify_refuses_a_model_of_other_labels() -> None:
    renamed = [Example(example.title, example.body, example.label.lower()) for example in EXAMPLES]
    with pytest.raises(InvalidModel, match="access, billing, hr"):
        classify("x", "", train(renamed, sorted(label.lower() for label in ABOUT)))


def test_the_threshold_is_the_least_that_keeps_the_promise() -> None:
    confidences, right = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, False])
    assert threshold_for(confidences, right, 0.95) == 0.8
    assert threshold_for(confidences, ~right, 0.95) == NEVER_SURE
    assert expected_calibration_error(np.array([0.75] * 4), np.array([True, True, True, False])) == 0


def test_without_a_model_nothing_heavy_is_imported() -> None:
    code = "import sys, aiops_triage.engine as e; e.classify('a', 'b'); print({'numpy', 'sklearn'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
