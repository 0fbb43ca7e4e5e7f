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
    return Dataset(
        "toy", "train", x, row, row[:, None].float(), ("row",), torch.zeros(n, 7, 3)
    )


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
    with pytest.raises(ValueError, match=r"wanted \(N, C, H, W\)"):
        Dataset("toy", "train", x[:, 0])


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
