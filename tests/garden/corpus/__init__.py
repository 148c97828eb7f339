"""All families of hostile requests."""

from __future__ import annotations

from collections.abc import Iterator

from tests.garden.case import Case, Family
from tests.garden.corpus import chunks, codings, forged, heads, hops, lengths, sequences, targets

FAMILIES: tuple[Family, ...] = (
    lengths.FAMILY,
    codings.CODINGS,
    codings.BOTH_FRAMINGS,
    chunks.CHUNKS,
    chunks.CHUNK_EXTENSIONS,
    sequences.TRAILER_FAMILY,
    heads.LINE_END_FAMILY,
    heads.FIELD_FAMILY,
    heads.VERSION_FAMILY,
    heads.FOREIGN_FAMILY,
    targets.METHOD_FAMILY,
    targets.TARGETS,
    targets.HOST_FAMILY,
    targets.LEARN_FAMILY,
    hops.CONNECTION_FAMILY,
    hops.UPGRADE_FAMILY,
    hops.EXPECT_FAMILY,
    forged.FAMILY,
    sequences.PIPELINE_FAMILY,
    sequences.LIMIT_FAMILY,
)


def all_cases() -> Iterator[tuple[str, Case]]:
    """Every case by its full name, ``family/id``."""
    for family in FAMILIES:
        for case in family.cases:
            yield f"{family.name}/{case.id}", case
