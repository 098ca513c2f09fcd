"""Two embeddings of five records: expectations counted by hand from angles."""

import numpy as np
import pytest

from embtune.errors import BadInputError
from embtune.neighbors.compare import Share, compare, label_share, neighborhood
from embtune.neighbors.exact import ExactIndex


def on_circle(*degrees: float) -> ExactIndex:
    angle = np.radians(degrees)
    return ExactIndex(np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32))


def test_each_side_knows_the_rank_on_the_other_and_what_was_gained_and_lost():
    left = on_circle(0, 10, 20, 30, 40)  # nearest to row 0: 1, 2, 3, 4
    right = on_circle(0, 40, 10, 20, 30)  # nearest to row 0: 2, 3, 4, 1
    before, after = compare(left, right, 0, k=2)
    assert before.rows.tolist() == [1, 2]
    assert before.other_ranks.tolist() == [4, 1]
    assert before.kept.tolist() == [False, True]  # row 1 was lost
    assert after.rows.tolist() == [2, 3]
    assert after.other_ranks.tolist() == [2, 3]
    assert after.kept.tolist() == [True, False]  # row 3 was gained
    assert before.n_changed == after.n_changed == 1
    assert before.cosine.tolist() == pytest.approx(np.cos(np.radians([10, 20])).tolist())


def test_equal_embeddings_change_nothing():
    index = on_circle(0, 10, 20, 30)
    before, after = compare(index, index, 1, k=3)
    assert before.rows.tolist() == after.rows.tolist()
    assert before.other_ranks.tolist() == [1, 2, 3]
    assert before.n_changed == 0


def test_a_record_the_other_embedding_lacks_has_rank_0_and_is_not_kept():
    newer = on_circle(0, 30, 5)  # row 2 came after the other embedding was made
    older = on_circle(0, 30)
    seen, _ = compare(newer, older, 0, k=2)
    assert seen.rows.tolist() == [2, 1]
    assert seen.other_ranks.tolist() == [0, 1]
    assert seen.kept.tolist() == [False, True]


def test_a_query_that_one_embedding_lacks_is_refused():
    with pytest.raises(BadInputError, match="Row 2 does not exist"):
        compare(on_circle(0, 10, 20), on_circle(0, 10), 2, k=1)


def test_k_beyond_the_records_is_cut_to_what_there_is():
    before, _ = compare(on_circle(0, 10, 20), on_circle(0, 20, 10), 0, k=1000)
    assert before.rows.tolist() == [1, 2]
    assert before.kept.all()


def test_alone_a_neighbourhood_has_no_ranks_elsewhere():
    alone = neighborhood(on_circle(0, 10, 20), 0, 2)
    assert alone.rows.tolist() == [1, 2]
    assert alone.other_ranks.tolist() == [0, 0]
    assert alone.n_changed == 0


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([3, 3, 5, -1, -2], Share(same=2, labelled=3, n=5)),
        ([-1, -1], Share(same=0, labelled=0, n=2)),
        ([], Share(same=0, labelled=0, n=0)),
    ],
)
def test_label_share_counts_same_labelled_and_all(labels, expected):
    assert label_share(3, np.array(labels, dtype=np.int64)) == expected
