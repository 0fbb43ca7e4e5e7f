"""Wrong answers to the exercises of lesson 01, written as a learner would:
a class for each exercise, a function for each mistake its check knows, and one
named right… for every other way of being right."""

import torch
from sklearn.decomposition import PCA

import vaelib as vl


class lost_error:
    def right_by_difference(s, n, k):
        lam = s.pow(2) / n
        return lam.sum() - lam[:k].sum()

    def right_in_a_loop(s, n, k):
        return sum(s[j] * s[j] for j in range(k, len(s))) / n

    def not_squared(s, n, k):
        return sum(s[j] for j in range(k, len(s))) / n

    def kept_for_lost(s, n, k):
        return (s[:k] * s[:k] / n).sum()

    def n_minus_one(s, n, k):
        lam = s**2 / (n - 1)
        return lam[k:].sum()

    def mean_for_sum(s, n, k):
        return torch.mean(s[k:] * s[k:] / n)

    def all_pictures(s, n, k):
        return s[k:] @ s[k:]

    def one_too_many_kept(s, n, k):
        return (s[k + 1 :].square() / n).sum()

    def right_by_numpy(s, n, k):
        return float((s.numpy()[k:] ** 2).sum() / n)

    def right_in_place(s, n, k):
        s **= 2
        return s[k:].sum() / n


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


def eigenvectors(x):
    X = x - x.mean(0)
    return torch.linalg.eigh(X.T @ X / len(X)).eigenvectors


class components:
    def right_by_sorting(x, k):
        U = eigenvectors(x)
        return U.T[(x @ U).var(0).argsort(descending=True)[:k]]

    def right_by_svd(x, k):
        return -svd(x - x.mean(0))[2][:k]

    def right_from_the_end(x, k):
        U = eigenvectors(x)
        return U[:, -k:].flip(1).T

    def wrong_end(x, k):
        U = eigenvectors(x)
        return U.T[:k]

    def rows_for_columns(x, k):
        U = eigenvectors(x)
        return torch.fliplr(U)[:k]

    def last_rows(x, k):
        U = eigenvectors(x)
        return U[len(U) - k :]

    def rising_order(x, k):
        U = eigenvectors(x)
        return U.T[-k:]

    def not_centred(x, k):
        U = torch.linalg.eigh(x.T @ x).eigenvectors
        return U.flip(1).T[:k]

    def right_by_the_page_s_own(x, k):
        return torch.as_tensor(PCA(k).fit(x.numpy()).components_)
