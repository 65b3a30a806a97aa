"""What the free text `permitted_use` of a list of clips says about the uses, where nobody was asked one by one.

The curator lists who may be rendered (`rights: render_if`), which answers for target, driver and training. About the
other uses the text says something only by the words below: without them the answer is unknown.
"""

from __future__ import annotations

from dataclasses import replace

from nvfair_tools.governance.uses import ANY_PURPOSE, USES, Answer, Consent, Use

# Words in `permitted_use` that forbid to show a picture, and to pass files on; and the text that permits both.
NO_DISPLAY, NO_PUBLICATION, PERMITS_ALL = "no display", "no publication", "any"
# The uses that a curator's list of permitted uses answers for.
DECLARED_USES: tuple[Use, ...] = ("target", "driver", "training")

_YES = Answer("yes", "clip list", frozenset({ANY_PURPOSE}))
_UNKNOWN = Answer("unknown", "clip list")


def forbids_display(permitted_use: str) -> bool:
    """Whether no picture of a video with this permitted use may be shown."""
    return NO_DISPLAY in permitted_use.casefold()


def forbids_publication(permitted_use: str) -> bool:
    """Whether a video with this permitted use may not be passed on."""
    return NO_PUBLICATION in permitted_use.casefold()


def declared_consent(permitted_use: str, rendering: Answer = _YES) -> Consent:
    """The answers of a list of clips. rendering: to the uses that the curator answers for; default, a plain yes."""
    others = {
        use: replace(_UNKNOWN, note=f"the list of clips says nothing about {use}; a consent table can") for use in USES
    }
    if permitted_use.strip().casefold() == PERMITS_ALL:
        others |= {"redistribution": _YES, "display": _YES}
    return with_words(Consent.of({**others, **dict.fromkeys(DECLARED_USES, rendering)}, _UNKNOWN), permitted_use)


def with_words(consent: Consent, permitted_use: str) -> Consent:
    """The consent, with a no for every use that words of the text forbid."""
    forbidden: dict[Use, str] = {}
    if forbids_display(permitted_use):
        forbidden["display"] = NO_DISPLAY
    if forbids_publication(permitted_use):
        forbidden["redistribution"] = NO_PUBLICATION
    words = Consent.of(
        {use: Answer("no", "clip list", note=f"permitted use says {text!r}") for use, text in forbidden.items()}, _YES
    )
    return consent.strictest(words) if forbidden else consent
