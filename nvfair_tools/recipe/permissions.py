"""What a recipe's consent table, list of clips and licences permit: the one place where a build asks `decide`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from nvfair_tools.governance.decision import Decision, Item, Material, decide_all
from nvfair_tools.governance.declared import DECLARED_USES, NO_DISPLAY, NO_PUBLICATION, declared_consent, with_words
from nvfair_tools.governance.licences import licences_in
from nvfair_tools.governance.uses import ANY_PURPOSE, ROLE_USES, SIMULATED, Answer, Consent, Use
from nvfair_tools.recipe.clip_row import ClipRow
from nvfair_tools.recipe.consent_table import ConsentTable, consent_text
from nvfair_tools.recipe.known_collections import NAMESPACES
from nvfair_tools.recipe.public_collection import UNKNOWN
from nvfair_tools.recipe.recipe import Recipe

CONSENT_UNKNOWN = (
    "nobody in this public collection was asked about reenactments; record your institution's approval as "
    "`rights.ethics_approval`"
)


_EVERYTHING = Consent.of({}, Answer("yes", scope=frozenset({ANY_PURPOSE})))  # where people are not in question


def needs_approval(row: ClipRow) -> bool:
    """Whether the person belongs to a public collection and was never asked about reenactments."""
    return row.identity.partition(":")[0] in NAMESPACES and row.consent.casefold() == UNKNOWN


def with_approval(row: ClipRow, recipe: Recipe) -> ClipRow:
    """The row, whose consent says which ethics approval stands in for it, where it needs one and the recipe has it."""
    approval = recipe.rights.ethics_approval
    return replace(row, consent=f"{UNKNOWN}; ethics approval: {approval}") if approval and needs_approval(row) else row


def listed_consent(row: ClipRow, recipe: Recipe) -> Consent:
    """The answers of a row of the list of clips, where the recipe names no consent table."""
    rendering = Answer("yes", "clip list", frozenset({ANY_PURPOSE}))
    if needs_approval(row):
        rendering = Answer("unknown", "clip list", note=CONSENT_UNKNOWN)
    elif row.permitted_use not in recipe.rights.render_if:
        rendering = _outside_render_if(row, recipe)
    if recipe.simulated and rendering.value == "yes":
        return with_words(SIMULATED, row.permitted_use)
    return declared_consent(row.permitted_use, rendering)


def tabled_row(row: ClipRow, recipe: Recipe, table: ConsentTable) -> ClipRow:
    """The row with its person's answers in the consent table, which also replace its texts: old readers of a data set
    obey the words "no display" and "no publication". What the list of clips forbids stays forbidden."""
    consent = with_words(table.consents[row.identity], row.permitted_use)
    uses = [
        use for use, answer in zip(("target", "driver", "training"), consent.answers, strict=False) if _is_yes(answer)
    ]
    texts = [row.permitted_use or ", ".join(uses) or "no use"]
    words: dict[Use, str] = {"display": NO_DISPLAY, "redistribution": NO_PUBLICATION}
    texts += [
        text for use, text in words.items() if not _is_yes(consent.to(use)) and text not in row.permitted_use.casefold()
    ]
    if recipe.rights.render_if and row.permitted_use not in recipe.rights.render_if:
        refusal = _outside_render_if(row, recipe)
        yes = Answer("yes", scope=frozenset({ANY_PURPOSE}))
        consent = consent.strictest(Consent.of(dict.fromkeys(DECLARED_USES, refusal), yes))
    return replace(
        row, terms=consent, consent=consent_text(table.consents[row.identity]), permitted_use="; ".join(texts)
    )


def _outside_render_if(row: ClipRow, recipe: Recipe) -> Answer:
    detail = f"permitted use is {row.permitted_use!r}; the recipe renders {recipe.rights.render_if}"
    return Answer("no", "clip list", note=detail)


def _is_yes(answer: Answer) -> bool:
    return answer.value == "yes" and answer.withdrawn is None


@dataclass(frozen=True)
class Permissions:
    """What may be done for the use and purpose of a recipe on a day."""

    recipe: Recipe
    on: date

    def of_recording(self, row: ClipRow, uses: Iterable[Use] | None = None) -> Decision:
        """Whether a clip may be used. uses: by default those that the set is for."""
        item = Item.recording(self._consent((row,)), self._material("clip", (row.licence,)))
        return self._decide(item, self.recipe.rights.set_uses if uses is None else uses)

    def of_face(self, rows: Iterable[ClipRow]) -> Decision:
        """Whether a person may be a target. rows: all their clips that are used."""
        rows = tuple(rows)
        item = Item.recording(self._consent(rows), self._material("portrait", [row.licence for row in rows]))
        return self._decide(item, ("target", *self.recipe.rights.set_uses))

    def of_motion(self, row: ClipRow) -> Decision:
        """Whether a clip may drive."""
        return self.of_recording(row, ("driver", *self.recipe.rights.set_uses))

    def of_generator(self, licence: str) -> Decision:
        """Whether a generator may render at all, by its licence."""
        item = Item.reenactment(_EVERYTHING, _EVERYTHING, [self._material("generator", (licence,))])
        return self._decide(item, (*ROLE_USES, *self.recipe.rights.set_uses))

    def of_pair(self, driver: ClipRow, target: Iterable[ClipRow], generator_licence: str) -> Decision:
        """Whether a reenactment may be made. driver: the clip; target: the clips of the face's person."""
        target = tuple(target)
        materials = (
            self._material("portrait", [row.licence for row in target]),
            self._material("clip", (driver.licence,)),
            self._material("generator", (generator_licence,)),
        )
        item = Item.reenactment(self._consent(target), self._consent((driver,)), materials)
        return self._decide(item, (*ROLE_USES, *self.recipe.rights.set_uses))

    @cached_property
    def _declared(self) -> frozenset[Use]:
        # Without a consent table, the curator's list answers for the licences that it names, as it always has.
        return frozenset(DECLARED_USES if self.recipe.rights.consent is None else ())

    def _consent(self, rows: tuple[ClipRow, ...]) -> Consent:
        consents = [row.terms or listed_consent(row, self.recipe) for row in rows]
        strictest = consents[0]
        for consent in consents[1:]:
            strictest = strictest.strictest(consent)
        return strictest

    def _material(self, part: str, texts: Iterable[str]) -> Material:
        own = self.recipe.rights.licences
        licences = dict.fromkeys(licence for text in texts for licence in licences_in(text, own))
        return Material(part, tuple(licences), self._declared)  # type: ignore[arg-type]

    def _decide(self, item: Item, uses: Iterable[Use]) -> Decision:
        return decide_all(item, uses, purpose=self.recipe.rights.purpose, on=self.on)
