import numpy as np
import pytest

from nvfair_tools.quality.people import compare_people

NAMES = ["a", "a", "a", "a", "b", "b", "c", "c", "d"]


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def faces(people: str, seed: int = 0) -> np.ndarray:
    """Unit embeddings (N, 512) of clips: one centre a letter, and noise that leaves a cosine of about 0.7."""
    random = np.random.default_rng(seed)
    centres = {letter: unit(random.normal(size=512)) for letter in "ABCDE"}
    return unit(np.stack([centres[letter] + 0.65 * unit(random.normal(size=512)) for letter in people])).astype("f4")


def test_right_names_are_confirmed():
    result = compare_people(faces("AAAABBCCD"), NAMES)
    assert result.confirmed.tolist() == [True] * 8 + [False]  # the last is its person's only clip
    assert result.group.tolist() == [0] * 9
    assert result.two_names == ()
    assert result.two_people == ()
    assert np.isnan(result.own_cosine[8])


def test_cosines_are_those_with_the_persons_other_clips_and_with_the_nearest_other_person():
    vectors = faces("AAAABBCCD", seed=3)
    result = compare_people(vectors, NAMES)
    for place in range(8):
        others = [n for n in range(9) if NAMES[n] == NAMES[place] and n != place]
        expected = vectors[place] @ unit(vectors[others].mean(axis=0))
        assert result.own_cosine[place] == pytest.approx(expected, abs=1e-5)
    means = {name: unit(vectors[[n for n in range(9) if NAMES[n] == name]].mean(axis=0)) for name in "abcd"}
    for place, name in enumerate(NAMES):
        cosines = {other: vectors[place] @ mean for other, mean in means.items() if other != name}
        assert result.nearest[place] == max(cosines, key=cosines.__getitem__)
        assert result.nearest_cosine[place] == pytest.approx(max(cosines.values()), abs=1e-5)


def test_two_names_for_one_person_are_a_pair():
    result = compare_people(faces("AAAABBBBD"), NAMES)
    assert [(pair.first, pair.second) for pair in result.two_names] == [("b", "c")]
    assert result.two_names[0].cosine > 0.7
    assert result.two_people == ()
    assert result.confirmed[:8].all()
    assert compare_people(faces("AAAABBBBD"), NAMES, two_names=0.95).two_names == ()


def test_another_person_under_a_name_is_a_group_of_its_own():
    result = compare_people(faces("AACABBCCD"), NAMES)
    assert [(people.name, people.groups) for people in result.two_people] == [("a", ((0, 1, 3), (2,)))]
    assert result.confirmed[:4].tolist() == [True, True, False, True]
    assert result.nearest[2] == "c"  # whose clip it is
    assert result.two_names == ()  # one clip does not make two names of a person
    # With two clips of two people, nothing says which one the name is of.
    divided = compare_people(faces("AAAABECCD"), NAMES)
    assert divided.confirmed[4:6].tolist() == [False, False]
    assert [people.name for people in divided.two_people] == ["b"]


def test_one_person_and_nobody_at_all_can_be_compared():
    alone = compare_people(faces("AAA"), ["a"] * 3)
    assert alone.nearest == ("", "", "")
    assert alone.confirmed.all()
    assert compare_people(np.empty((0, 4), np.float32), []).confirmed.shape == (0,)
