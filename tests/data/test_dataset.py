import base64
import io
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vaelib.data import Dataset


def make(n=6, channels=1):
    x = torch.rand(n, channels, 4, 5, generator=torch.Generator().manual_seed(0))
    row = torch.arange(n)
    beside = (row, row[:, None].float(), ("row",), torch.zeros(n, 7, 3), 2 * row)
    return Dataset("toy", "train", x, *beside)


def sequences(n=6):
    x = torch.rand(n, 5, 2, generator=torch.Generator().manual_seed(0))
    return Dataset("paths", "test", x, lengths=1 + torch.arange(n) % 5)


@settings(deadline=None)
@given(st.data())
def test_indexing_picks_the_same_rows_of_everything(data):
    toy = make()
    index = data.draw(
        st.one_of(
            st.slices(6).filter(lambda s: s.step is None or s.step > 0),
            st.lists(st.integers(-6, 5)),
            st.lists(st.integers(-6, 5)).map(lambda v: torch.tensor(v).long()),
            st.lists(st.integers(0, 5)).map(lambda v: torch.tensor(v).byte()),
            st.lists(st.booleans(), min_size=6, max_size=6),
            st.lists(st.booleans(), min_size=6, max_size=6).map(torch.tensor),
        )
    )
    part = toy[index]
    rows = part.labels
    assert len(part) == len(rows)
    assert torch.equal(part.x, toy.x[rows])
    assert torch.equal(part.factors[:, 0].long(), rows)
    assert len(part.trajectories) == len(rows)
    assert torch.equal(part.context, 2 * rows)
    assert (part.name, part.split, part.factor_names) == ("toy", "train", ("row",))
    assert repr(part)
    assert part._repr_html_()


def test_one_number_gives_one_picture_with_all_axes():
    assert make()[2].x.shape == (1, 1, 4, 5)
    assert make()[-1].labels.tolist() == [5]
    with pytest.raises(IndexError, match="index 6 is outside this data set of 6"):
        make()[6]


def test_iteration_ends():
    assert [int(one.labels) for one in make()] == list(range(6))


def test_a_bad_index_says_what_was_wanted():
    with pytest.raises(IndexError, match="mask of 5 booleans for 6 pictures"):
        make()[torch.ones(5, dtype=torch.bool)]
    with pytest.raises(TypeError, match="wanted one row of whole numbers"):
        make()[torch.tensor([0.5])]
    with pytest.raises(TypeError, match=r"shape \(1, 2\)"):
        make()[torch.tensor([[0, 1]])]


def test_what_does_not_fit_together_is_refused():
    x = torch.zeros(3, 1, 2, 2)
    with pytest.raises(ValueError, match="labels has 2 rows but x has 3"):
        Dataset("toy", "train", x, torch.zeros(2))
    with pytest.raises(ValueError, match="factor_names has 0 names for 2 columns"):
        Dataset("toy", "train", x, factors=torch.zeros(3, 2))
    with pytest.raises(ValueError, match="context has no rows but x has 3"):
        Dataset("toy", "train", x, context=torch.tensor(1))
    with pytest.raises(ValueError, match=r"wanted \(N, \*shape\)"):
        Dataset("toy", "train", torch.zeros(3))


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        (torch.tensor([1, 2, 3]), r"lengths are in \[1, 3\], wanted 1 … 2"),
        (torch.tensor([0, 1, 2]), r"lengths are in \[0, 2\], wanted 1 … 2"),
        (torch.tensor([1.0, 2.0, 2.0]), "one whole number per example"),
        (torch.ones(3, 1).long(), "one whole number per example"),
    ],
)
def test_lengths_lie_within_the_steps(lengths, words):
    with pytest.raises(ValueError, match=words):
        Dataset("toy", "train", torch.zeros(3, 2, 4), lengths=lengths)


@pytest.mark.parametrize("shape", [(3,), (5, 2), (1, 4, 5), (2, 3, 4, 5)])
def test_examples_have_any_shape(shape):
    toy = Dataset("toy", "train", torch.rand(4, *shape), context=torch.eye(4))
    assert toy[1].x.shape == (1, *shape)
    assert torch.equal(toy[[2, 0]].context, torch.eye(4)[[2, 0]])
    assert toy.kind == ("pictures" if len(shape) == 3 else "examples")
    page = toy._repr_html_()
    assert ("<img" in page) == (len(shape) == 3)
    assert f"4 {toy.kind}" in page
    assert "context (4, 4) float32 in [0, 1]" in page


def test_sequences_say_how_long_they_are():
    assert "lengths (6,) int64 in [1, 5]" in repr(sequences())
    page = sequences()._repr_html_()
    assert "6 sequences" in page
    assert "<img" not in page
    with pytest.raises(IndexError, match="this data set of 6 sequences"):
        sequences()[6]
    assert sequences()[2:4].lengths.tolist() == [3, 4]


def test_it_is_frozen():
    with pytest.raises(AttributeError):
        make().x = torch.zeros(1)


def test_sample_draws_without_replacement():
    toy = make(50)
    drawn = toy.sample(20, seed=1)
    assert len(set(drawn.labels.tolist())) == 20
    assert torch.equal(toy.sample(30, seed=1).labels[:20], drawn.labels)
    assert toy.sample(None) is toy
    with pytest.raises(ValueError, match=r"n=51 but 'toy' has 50"):
        toy.sample(51)
    with pytest.raises(ValueError, match="n=-1 but 'toy' has 50"):
        toy.sample(-1)


def test_to_moves_everything():
    assert make().to("cpu").x.device == torch.device("cpu")
    with pytest.raises(ValueError, match="'meta' is not available"):
        make().to("meta")


def test_the_text_tells_shapes_and_ranges():
    text = repr(make())
    assert "Dataset('toy', 'train'" in text
    assert "x (6, 1, 4, 5) float32 in [0." in text
    assert "labels (6,) int64 in [0, 5]" in text
    assert "factors (6, 1) float32: row" in text
    assert "trajectories (6, 7, 3)" in text
    assert "on cpu" in text


@pytest.mark.parametrize("channels", [1, 3])
def test_the_notebook_view_shows_the_pictures(channels):
    page = make(channels=channels)._repr_html_()
    assert 'alt="The first 6 pictures of toy, train' in page
    encoded = re.search(r'src="data:image/png;base64,([^"]+)"', page).group(1)
    image = Image.open(io.BytesIO(base64.b64decode(encoded)))
    assert image.size == (6 * 6 - 1, 4)
    first = torch.tensor(np.array(image))[:, :5, 0]
    assert torch.equal(first, make(channels=channels).x[0, 0].mul(255).round().byte())


def test_the_notebook_view_suits_both_themes_and_fetches_nothing():
    page = make()._repr_html_()
    assert not re.search(r"(?<!-)color:(?!inherit)", page)
    assert "background" not in page
    assert "http" not in page


def test_names_are_escaped():
    page = Dataset("<b>", "train", torch.zeros(1, 1, 2, 2))._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def test_no_pictures_is_no_error():
    empty = make()[:0]
    assert "empty" in repr(empty)
    assert "<img" not in empty._repr_html_()
