"""Judge identifiers and the like by their form, their lengths and their repetitions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import median

from rokt_export.diff.few_values import judge_few_values
from rokt_export.diff.forms import CLASS_NAMES, classes_of, common_form, is_opaque, prefix_of, punctuation_of
from rokt_export.diff.sentences import NAME_A, NAME_B, form_words
from rokt_export.diff.shown_values import percent, shown
from rokt_export.diff.statistics import CERTAIN, SKIMMED, UNLIKELY, one_mixture, same_share
from rokt_export.diff.verdict import DifferenceVerdict, left_undecided, unequal_rows


def judge_opaque(a: Sequence[str], b: Sequence[str]) -> DifferenceVerdict | None:
    """Judge identifiers and the like by what their values have in common on each side."""
    form_a, form_b = common_form(a[:400]), common_form(b[:400])
    lengths_a, lengths_b = [len(text) for text in a], [len(text) for text in b]
    found, odd = judge_repeats(a, b), _lengths(lengths_a, lengths_b, a, b)
    if found is not None and (odd is None or odd.places is None):
        return found
    for lower, upper, names in ((a, b, (NAME_A, NAME_B)), (b, a, (NAME_B, NAME_A))):
        if all(x == x.lower() and y == y.upper() for x, y in zip(lower, upper, strict=True)) and (
            any(map(str.islower, lower)) and any(map(str.isupper, upper))
        ):
            why = f"has small letters in {names[0]} but capital letters in {names[1]}"
            return DifferenceVerdict(True, why, None, len(a) >= 3)
    for what in (prefix_of, punctuation_of):
        of_a, of_b = [what(text) for text in a[:SKIMMED]], [what(text) for text in b[:SKIMMED]]
        most = 3 if len(a) >= 8 else 1
        if of_a == of_b or max(len(set(of_a)), len(set(of_b))) > most or len(a) < 3:
            continue
        found = judge_few_values(of_a, of_b, lambda text: text or "no such characters")
        if found is not None and (found.certain or form_a != form_b):
            named = form_a != form_b and "text" not in (form_a, form_b)
            return found._replace(
                why=f"form: {form_words(form_a)} → {form_words(form_b)}" if named else f"form: {found.why}"
            )
    if odd is not None:
        return odd
    some_a, some_b = a[:SKIMMED], b[:SKIMMED]
    for number, name in enumerate(CLASS_NAMES):
        has_a, has_b = (sum(classes_of(text)[number] for text in side) for side in (some_a, some_b))
        if same_share(has_a, len(some_a), has_b, len(some_b)) < 0.0005:
            shares = f"{percent(has_a, len(some_a))} → {percent(has_b, len(some_b))}"
            return DifferenceVerdict(True, f"form: {name} in {shares}", None, len(a) >= 8)
    form = form_a if form_a == form_b else "text"
    return left_undecided(a, "has a new value every time on both sides, in the same form", form)


def _lengths(of_a: Sequence[int], of_b: Sequence[int], a: Sequence[str], b: Sequence[str]) -> DifferenceVerdict | None:
    if set(of_a) == set(of_b):
        return None
    if len(set(of_a)) == 1 and len(set(of_b)) == 1:
        return DifferenceVerdict(True, f"form: {of_a[0]} characters → {of_b[0]} characters", None, len(a) >= 3)
    common_a, common_b = Counter(of_a).most_common(1)[0], Counter(of_b).most_common(1)[0]
    if common_a[0] == common_b[0] and min(common_a[1], common_b[1]) >= 0.7 * len(a) and len(a) >= 5:
        return _odd_ones(a, b, common_a[0])
    rest = median(of_a), median(of_b)
    if len(a) >= 8 and max(rest) > 1.3 * min(rest) and (max(of_a) < min(of_b) or max(of_b) < min(of_a)):
        return DifferenceVerdict(
            True, f"form: {min(of_a)} to {max(of_a)} characters → {min(of_b)} to {max(of_b)}", None, True
        )
    if max(len(set(of_a)), len(set(of_b))) <= 12 and one_mixture(of_a, of_b) < 1e-4:
        return DifferenceVerdict(
            True, f"form: about {rest[0]:.0f} characters → about {rest[1]:.0f}", None, len(a) >= 20
        )
    for lengths, others, texts, side in ((of_a, of_b, b, NAME_B), (of_b, of_a, a, NAME_A)):
        low, high = min(lengths), max(lengths)
        margin = max(3, high - low)
        odd = [p for p, length in enumerate(others) if length < low - margin or length > high + margin]
        if odd and len(odd) < len(others) and len(a) >= 5:
            why = f"has another form in {side}, such as {shown(texts[odd[0]])}"
            return DifferenceVerdict(True, why, odd, len(a) >= 20)
    return None


def _odd_ones(a: Sequence[str], b: Sequence[str], length: int) -> DifferenceVerdict | None:
    """Values of another length among those of one length, where one side has clearly more of them."""
    odd_a = [place for place, text in enumerate(a) if len(text) != length]
    odd_b = [place for place, text in enumerate(b) if len(text) != length]
    few, many, texts, side = (odd_a, odd_b, b, NAME_B) if len(odd_a) <= len(odd_b) else (odd_b, odd_a, a, NAME_A)
    near = all(
        abs(len(texts[place]) - length) <= max(1, 0.15 * length, 4 * is_opaque([texts[place]]))
        and classes_of(texts[place])[0]
        for place in many
    )
    if (few or near) and same_share(len(odd_a), len(a), len(odd_b), len(b)) >= UNLIKELY:
        return None
    never = "" if few else f" and never in {NAME_A if side == NAME_B else NAME_B}"
    why = f"has another form in {side}{never}, such as {shown(texts[many[0]])}"
    return DifferenceVerdict(True, why, many, not near or len(many) > 5)


def judge_repeats(a: Sequence[str], b: Sequence[str]) -> DifferenceVerdict | None:
    """Judge values that come again on one side more than on the other, or that the other side has in other rows."""
    distinct_a, distinct_b = set(a), set(b)
    number = len(a)
    some = [*a[:40], *b[:40]]
    room = 10 ** min(300.0, _room([text for text in some if "person-" not in text] or some))
    short = number**2 / room > 0.002  # so that chance alone repeats some
    again = number - len(distinct_a), number - len(distinct_b)
    if abs(again[0] - again[1]) > (3 * (again[0] + again[1]) ** 0.5 + 1 if short or min(again) else 0):
        places = _repeated(a if again[0] > again[1] else b)
        words = [f"{len(one):,} different values" for one in (distinct_a, distinct_b)]
        why = f"{words[0]} → {words[1]}"
        if abs(again[0] - again[1]) <= 0.1 * number:
            side, texts = (NAME_A, a) if again[0] > again[1] else (NAME_B, b)
            why = f"repeats values in {side}, such as {shown(texts[places[0]])}"
        return DifferenceVerdict(True, why, places, number >= 8 and (len(places) > 2 or number**2 / room < CERTAIN))
    shared, fewer = len(distinct_a & distinct_b), min(len(distinct_a), len(distinct_b))
    if number / room < 0.1 and number >= 4 and shared >= 0.3 * fewer and fewer > 0.7 * number:
        moved = {x for x, y in zip(a, b, strict=True) if x != y} & {y for x, y in zip(a, b, strict=True) if x != y}
        return unequal_rows(a, b, "has the same values, but in other rows" if moved else "")
    return None


def _room(texts: Sequence[str]) -> float:
    """About how many decimal digits' worth of values there could be, by the characters that vary at each position."""
    length = Counter(map(len, texts)).most_common(1)[0][0]
    texts = [text for text in texts if len(text) == length]
    return sum(math.log10(len({text[at : at + 1] for text in texts})) for at in range(min(40, length)))


def _repeated(texts: Sequence[str]) -> list[int]:
    counts = Counter(texts)
    return [place for place, text in enumerate(texts) if counts[text] > 1]
