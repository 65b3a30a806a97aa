import numpy as np
import pytest

from nvfair_tools.simulate.randomness import digest, random_generator
from nvfair_tools.simulate.signature import IDIOM_SPREAD, PARAMETERS, K, Signature, person_shares

NAMES = [p.name for p in PARAMETERS]


def drawn(people, clips, difficulty):
    """Values of every parameter (people, clips, parameters), logarithms where they are not signed."""
    random = np.random.default_rng(0)
    table = np.empty((people, clips, len(PARAMETERS)))
    for person in range(people):
        signature = Signature.draw(random)
        for clip in range(clips):
            values = signature.parameter_values(random.standard_normal(len(PARAMETERS)), difficulty)
            table[person, clip] = [
                getattr(values, p.name) if p.signed else np.log(getattr(values, p.name)) for p in PARAMETERS
            ]
    return table


def test_randomness_depends_on_names_and_on_nothing_drawn_before():
    first = random_generator("a", 1).standard_normal(3)
    random_generator("b").standard_normal(100)
    np.testing.assert_array_equal(random_generator("a", 1).standard_normal(3), first)
    assert not np.array_equal(random_generator("a", 2).standard_normal(3), first)
    assert digest("a", "bc") != digest("ab", "c")


def test_parameters_have_one_name_each():
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_spread_is_the_same_at_every_difficulty_and_the_share_between_people_is_what_is_said(difficulty):
    table = drawn(300, 8, difficulty)
    spread = np.array([p.spread for p in PARAMETERS])
    np.testing.assert_allclose(table.std(axis=(0, 1)), spread, rtol=0.2)
    within = table.var(axis=1, ddof=1).mean(axis=0)
    between = table.mean(axis=1).var(axis=0, ddof=1) - within / 8
    np.testing.assert_allclose(between / (between + within), person_shares(difficulty), atol=0.13)


def test_difficulty_moves_every_share_one_way():
    easy, default, hard = person_shares(0.2), person_shares(0.5), person_shares(0.8)
    np.testing.assert_allclose(default, [p.share for p in PARAMETERS])
    assert (easy > default).all()
    assert (default > hard).all()
    with pytest.raises(ValueError, match="difficulty"):
        person_shares(1.5)


def test_a_mimic_moves_from_its_own_signature_to_its_targets():
    signature, other = Signature.draw(np.random.default_rng(1)), Signature.draw(np.random.default_rng(2))
    for share, like in ((0.0, signature), (1.0, other)):
        mimic = signature.moved_towards(other, share)
        np.testing.assert_array_equal(mimic.latent, like.latent)
        np.testing.assert_array_equal(mimic.idiom, like.idiom)
    half = signature.moved_towards(other, 0.5)
    assert np.linalg.norm(half.latent - other.latent) == pytest.approx(
        0.5 * np.linalg.norm(signature.latent - other.latent)
    )
    with pytest.raises(ValueError, match="share"):
        signature.moved_towards(other, 1.1)


def test_the_idiom_couples_movements_but_never_the_lids():
    signature = Signature.draw(np.random.default_rng(3))
    mixing = signature.mixing_matrix(np.random.default_rng(4).standard_normal((K, K)))
    lids = [9, 10]
    np.testing.assert_array_equal(mixing[lids], np.eye(K)[lids])
    np.testing.assert_array_equal(mixing[:, lids], np.eye(K)[:, lids])
    others = np.delete(np.delete(mixing - np.eye(K), lids, 0), lids, 1)
    assert others.std() == pytest.approx(IDIOM_SPREAD, rel=0.25)
