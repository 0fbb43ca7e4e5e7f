"""Wrong answers to the exercises of lesson 01, written as a learner would:
a class for each exercise, a function for each mistake its check knows, and one
named right… for every other way of being right."""

import torch
from sklearn.decomposition import PCA

import vaelib as vl


def covariance(x):
    X = x - x.mean(0)
    return X.T @ X / len(x)


class best_plane:
    def right_by_svd(x, k):
        m = x.mean(0)
        s, Uh = torch.linalg.svd(x - m, full_matrices=False)[1:]
        return m, -Uh[:k], s[:k] ** 2 / len(x)

    def right_from_the_end(x, k):
        lam, U = torch.linalg.eigh(torch.cov(x.T, correction=0))
        return [x.mean(0), U[:, -k:].flip(1).T, lam[-k:].flip(0)]

    def right_by_sorting(x, k):
        lam, U = torch.linalg.eig(covariance(x))
        lam, U = lam.real, U.real
        order = lam.argsort(descending=True)[:k]
        return x.mean(0), U[:, order].T, lam[order]

    def right_by_the_page_s_own(x, k):
        theirs = PCA(k).fit(x.numpy())
        m, V, lam = theirs.mean_, theirs.components_, theirs.explained_variance_
        m, V, lam = (torch.as_tensor(part) for part in (m, V, lam))
        return m, V, lam * (len(x) - 1) / len(x)

    def right_in_place(x, k):
        m = x.mean(0)
        x -= m
        lam, U = torch.linalg.eigh(x.T @ x)
        return m, U.T.flip(0)[:k], lam.flip(0)[:k] / len(x)

    def rows_and_wrong_end(x, k):
        lam, U = torch.linalg.eigh(covariance(x))
        return x.mean(0), U[:k], lam[:k]

    def wrong_end(x, k):
        lam, U = torch.linalg.eigh(covariance(x))
        return x.mean(0), U.T[:k], lam[:k]

    def rows_for_columns(x, k):
        lam, U = torch.linalg.eigh(covariance(x))
        return x.mean(0), torch.fliplr(U)[:k], lam.flip(0)[:k]

    def rising_order(x, k):
        lam, U = torch.linalg.eigh(covariance(x))
        return x.mean(0), U.T[-k:], lam[-k:]

    def variances_of_the_wrong_end(x, k):
        lam, U = torch.linalg.eigh(covariance(x))
        return x.mean(0), U.T.flip(0)[:k], lam[:k]

    def variances_rising(x, k):
        lam, U = torch.linalg.eigh(covariance(x))
        return x.mean(0), U.T.flip(0)[:k], lam[-k:]

    def not_centred(x, k):
        lam, U = torch.linalg.eigh(x.T @ x / len(x))
        return x.mean(0), U.T.flip(0)[:k], lam.flip(0)[:k]

    def n_minus_one(x, k):
        X = x - x.mean(0)
        lam, U = torch.linalg.eigh(X.T @ X / (len(x) - 1))
        return x.mean(0), U.flip(1)[:, :k].T, lam.flip(0)[:k]

    def sum_for_mean(x, k):
        X = x - x.mean(0)
        lam, U = torch.linalg.eigh(X.T @ X)
        return x.mean(0), U.flip(1)[:, :k].T, lam.flip(0)[:k]

    def deviations_for_variances(x, k):
        s, Uh = torch.linalg.svd(x - x.mean(0), full_matrices=False)[1:]
        return x.mean(0), Uh[:k], s[:k] / len(x) ** 0.5

    def also_wrong_columns(x, k):
        lam, U = torch.linalg.eigh(covariance(x))
        return x.mean(0), U.flip(1)[:, :k], lam.flip(0)[:k]

    def also_wrong_one_thing(x, k):
        return torch.linalg.eigh(covariance(x)).eigenvectors.flip(1)[:, :k].T

    def also_wrong_the_mean_alone(x, k):
        return x.mean(0), ..., ...

    def also_wrong_mean_of_each_picture(x, k):
        return x.mean(1), ..., ...

    def also_wrong_no_variances_yet(x, k):
        _lam, U = torch.linalg.eigh(covariance(x))
        return x.mean(0), U[:, :k].T, ...

    def also_wrong_all_eigenvalues(x, k):
        lam, U = torch.linalg.eigh(covariance(x))
        return x.mean(0), U.flip(1)[:, :k].T, lam.flip(0)


def inner(x):
    X = x - x.mean(0)
    lam, A = torch.linalg.eigh(X @ X.T)
    return X, lam.flip(0), A.flip(1)


class few_pictures:
    def right_by_norm(x, k):
        X, _lam, A = inner(x)
        V = A[:, :k].T @ X
        return torch.nn.functional.normalize(V, dim=1)

    def right_without_centring_again(x, k):
        _X, _lam, A = inner(x)
        V = A.T[:k] @ x  # A's columns add up to 0, so the mean falls out
        return -V / V.norm(dim=1, keepdim=True)

    def right_by_svd(x, k):
        return torch.linalg.svd(x - x.mean(0), full_matrices=False).Vh[:k]

    def not_normalised(x, k):
        X, _lam, A = inner(x)
        return (X.T @ A[:, :k]).T

    def divided_by_the_square(x, k):
        X, lam, A = inner(x)
        return (X.T @ A / lam).T[:k]

    def divided_by_the_deviation(x, k):
        X, lam, A = inner(x)
        return (X.T @ A[:, :k] * len(x) ** 0.5 / lam[:k].sqrt()).T

    def rows_for_columns(x, k):
        X, _lam, A = inner(x)
        V = A[:k] @ X
        return V / V.norm(dim=1)[:, None]

    def also_wrong_codes(x, k):
        _X, _lam, A = inner(x)
        return A[:, :k].T

    def also_wrong_wrong_end(x, k):
        X, _lam, A = inner(x)
        V = A[:, -k:].T @ X
        return V / V.norm(dim=1, keepdim=True)

    def also_wrong_transposed(x, k):
        X, lam, A = inner(x)
        return X.T @ A[:, :k] / lam[:k].sqrt()


def around(m, x, k):
    return torch.linalg.svd(x - m, full_matrices=False).Vh[:k]


class components:
    def right_by_adding(x, k):
        total = torch.zeros_like(x[0])
        for picture in x:
            total += picture
        return around(total / len(x), x, k)

    def right_by_mean(x, k):
        return -around(x.mean(0), x, k)

    def right_by_dividing_first(x, k):
        return around(sum(picture / len(x) for picture in x), x, k)

    def right_by_eigenvectors(x, k):
        return torch.linalg.eigh(covariance(x)).eigenvectors.T.flip(0)[:k]

    def right_by_the_page_s_own(x, k):
        return torch.as_tensor(PCA(k).fit(x.numpy()).components_)

    def last_picture(x, k):
        for picture in x:
            total = picture
        return around(total, x, k)

    def sum_for_mean(x, k):
        return around(sum(picture for picture in x), x, k)

    def not_centred(x, k):
        return torch.linalg.svd(x, full_matrices=False).Vh[:k]

    def divided_twice(x, k):
        total = torch.zeros_like(x[0])
        for picture in x:
            total = total + picture / len(x)
        return around(total / len(x), x, k)

    def one_grey_for_all(x, k):
        return around(x.mean(), x, k)

    def also_wrong_own_grey(x, k):
        return around(x.mean(1, keepdim=True), x, k)


def svd(x):
    return torch.linalg.svd(x, full_matrices=False)


class reconstruct:
    def right_by_cutting(x, k):
        m = x.mean(0)
        A, s, Uh = svd(x - m)
        return m + A[:, :k] * s[:k] @ Uh[:k]

    def right_by_covariance(x, k):
        U = torch.linalg.eigh(torch.cov(x.T)).eigenvectors[:, -k:]
        return x.mean(0) + (x - x.mean(0)) @ U @ U.T

    def right_by_vaelib(x, k):
        return vl.PCA(k).fit(x).reconstruct(x)

    def not_centred(x, k):
        A, s, Uh = svd(x)
        return A[:, :k] * s[:k] @ Uh[:k]

    def columns_for_rows(x, k):
        X = x - x.mean(0)
        V = svd(X)[2].T[:k]
        return x.mean(0) + X @ V.T @ V

    def worst_first(x, k):
        m = x.mean(0)
        A, s, Uh = svd(x - m)
        return m + A[:, -k:] * s[-k:] @ Uh[-k:]

    def mean_not_returned(x, k):
        A, s, Uh = svd(x - x.mean(0))
        return A[:, :k] * s[:k] @ Uh[:k]

    def mean_twice(x, k):
        m = x.mean(0)
        V = svd(x - m)[2][:k]
        return x @ V.T @ V + m

    def mean_of_each_picture(x, k):
        m = x.mean(1)[:, None]
        A, s, Uh = svd(x - m)
        return m + A[:, :k] * s[:k] @ Uh[:k]

    def right_by_the_page_s_own(x, k):
        theirs = PCA(k).fit(x.numpy())
        return torch.as_tensor(theirs.inverse_transform(theirs.transform(x.numpy())))

    def right_in_place(x, k):
        m = x.mean(0)
        x -= m
        V = torch.linalg.svd(x, full_matrices=False).Vh[:k]
        return m + x @ V.T @ V

    def also_wrong_not_centred_twice(x, k):
        m = x.mean(0)
        V = torch.linalg.svd(x - m, full_matrices=False)[2][:k]
        return m + x @ V.T @ V
