"""The geometry of a collection, compared with NumPy, SciPy, scikit-learn and IsoScore."""

import json
import os
import subprocess

import pytest
from server import Server, missing

np = pytest.importorskip("numpy")
httpx = pytest.importorskip("httpx")
stats = pytest.importorskip("scipy.stats")
neighbors = pytest.importorskip("sklearn.neighbors")

COUNT, WIDTH = 1500, 64


def healthy():
    random = np.random.default_rng(1)
    turn = np.linalg.qr(random.normal(size=(WIDTH, WIDTH)))[0]
    rows = random.normal(size=(COUNT, WIDTH)) / np.sqrt(np.arange(1, WIDTH + 1)) + 0.1
    return (rows @ turn).astype(np.float32)


def collapsed():
    """All about one direction, as after a training whose loss found the trivial answer."""
    random = np.random.default_rng(2)
    return (random.normal(size=WIDTH) + 0.01 * random.normal(size=(COUNT, WIDTH))).astype(np.float32)


def dimensional_collapse():
    """Spread, but along one line of the space."""
    random = np.random.default_rng(3)
    line = random.normal(size=(COUNT, 1)) * random.normal(size=WIDTH)
    return (line + 0.01 * random.normal(size=(COUNT, WIDTH))).astype(np.float32)


SETS = {"healthy": healthy, "collapsed": collapsed, "line": dimensional_collapse}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if reason := missing():
        pytest.skip(reason)
    with Server(tmp_path_factory.mktemp("geometry")) as running:
        with httpx.Client(base_url=running.url, timeout=60) as http:
            for name, make in SETS.items():
                ok(http.put(f"/collections/{name}", json={"vectors": {"size": WIDTH, "distance": "Cosine"}}))
                points = [{"id": i, "vector": row.tolist()} for i, row in enumerate(make())]
                ok(http.put(f"/collections/{name}/points?wait=true", json={"points": points}))
        yield running


def ok(response):
    assert response.status_code == 200, response.text
    return response.json()["result"]


def geometry(server, name, **parameters):
    with httpx.Client(base_url=server.url, timeout=60) as http:
        return ok(http.get(f"/collections/{name}/geometry", params=parameters))


@pytest.mark.parametrize("name", SETS)
def test_numbers_are_numpys(server, name):
    rows = SETS[name]().astype(np.float64)
    report = geometry(server, name)
    assert (report["vectors"], report["samples"], report["dimensions"]) == (COUNT, COUNT, WIDTH)
    lengths = np.linalg.norm(rows, axis=1)
    expected = {"least": lengths.min(), "mean": lengths.mean(), "deviation": lengths.std(), "most": lengths.max()}
    assert report["norms"] == pytest.approx(expected, rel=1e-4)

    eigenvalues = np.sort(np.linalg.eigvalsh(np.cov(rows.T)))[::-1]
    shares = eigenvalues / eigenvalues.sum()
    assert report["spectrum"] == pytest.approx(shares, abs=1e-4)
    assert report["effective_rank"] == pytest.approx(np.exp(stats.entropy(shares)), rel=1e-3)
    assert report["axes_for_90"] == 1 + np.searchsorted(np.cumsum(shares), 0.9)
    centered = ((rows - rows.mean(axis=0)) ** 2).sum()
    assert report["variance_share"] == pytest.approx(centered / (rows**2).sum(), rel=1e-3)

    units = rows / lengths[:, None]
    mean = (np.square(units.sum(axis=0)).sum() - COUNT) / (COUNT * (COUNT - 1))
    assert report["random_pairs"]["mean"] == pytest.approx(mean, abs=2e-3)  # of 100,000 pairs
    cosines = (units @ units.T)[np.triu_indices(COUNT, 1)]
    assert report["random_pairs"]["deviation"] == pytest.approx(cosines.std(), abs=3e-3)
    assert report["random_pairs"]["high"] == pytest.approx(np.quantile(cosines, 0.99), abs=1e-2)


@pytest.mark.parametrize("name", SETS)
def test_isotropy_is_isoscore(server, name):
    IsoScore = pytest.importorskip("IsoScore.IsoScore")
    expected = float(IsoScore.IsoScore(SETS[name]().T.astype(np.float64)))
    assert geometry(server, name)["isotropy"] == pytest.approx(expected, abs=1e-3)


def test_neighbours_are_scikit_learns(server):
    rows = healthy().astype(np.float64)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    nearest = neighbors.NearestNeighbors(n_neighbors=11, metric="euclidean").fit(units).kneighbors(units, return_distance=False)[:, 1:]
    counts = np.bincount(nearest.ravel(), minlength=COUNT)
    report = geometry(server, "healthy")
    assert report["hubness"]["skewness"] == pytest.approx(stats.skew(counts), rel=1e-2)
    assert report["hubness"]["most"] == pytest.approx(counts.max(), abs=1)
    assert report["hubness"]["never"] == pytest.approx((counts == 0).mean(), abs=2e-3)
    # Which 500 of them are asked at a prefix is the report's own choice; the share is about the same for all.
    cut = units[:, :32] / np.linalg.norm(units[:, :32], axis=1, keepdims=True)
    found = neighbors.NearestNeighbors(n_neighbors=11).fit(cut).kneighbors(cut, return_distance=False)[:, 1:]
    kept = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(nearest, found)])
    (prefix,) = report["prefixes"]
    assert prefix["recall"] == pytest.approx(kept, abs=0.03)
    variances = rows.var(axis=0)
    assert prefix["variance"] == pytest.approx(variances[:32].sum() / variances.sum(), rel=1e-3)


def test_collapse_is_told_from_health(server):
    levels = {name: {v["check"]: v for v in geometry(server, name)["verdicts"]} for name in SETS}
    assert levels["healthy"]["collapse"]["level"] == "ok"
    # Points without texts: nothing can be read again.
    assert levels["healthy"]["prefix"]["level"] == "skip" and "not checked" in levels["healthy"]["prefix"]["finding"]
    for name in ("collapsed", "line"):
        assert levels[name]["collapse"]["level"] == "fail"
        assert "training" in levels[name]["collapse"]["advice"]


def test_an_adaptor_shows_in_the_prefixes(server):
    before = geometry(server, "healthy")
    command = [os.environ["VECNEST_BINARY"], "adapt", "--url", server.url, "--collection", "healthy", "--method", "rotation"]
    subprocess.run(command, check=True, capture_output=True)
    after = geometry(server, "healthy")
    assert after["prefixes"][0]["variance"] > before["prefixes"][0]["variance"] + 0.2
    assert after["prefixes"][0]["recall"] > before["prefixes"][0]["recall"] + 0.2
    for same in ("spectrum", "norms", "isotropy", "hubness"):
        assert after[same] == before[same]


def test_the_command_line_says_the_same(server):
    command = [os.environ["VECNEST_BINARY"], "geometry", "--url", server.url, "--collection", "collapsed"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "fail  collapse" in shown and "-> " in shown
    printed = json.loads(subprocess.run([*command, "--json", "--samples", "300"], check=True, capture_output=True, text=True).stdout)
    assert printed == geometry(server, "collapsed", samples=300)


def test_what_is_wrong_is_said(server):
    with httpx.Client(base_url=server.url, timeout=60) as http:
        for query, status, said in (
            ("healthy/geometry?samples=1", 400, "samples"),
            ("healthy/geometry?samples=many", 400, "samples"),
            ("healthy/geometry?vector=title", 400, "title"),
            ("nothing/geometry", 404, "nothing"),
            ("healthy/geometry?sample=200", 400, "sample"),
        ):
            response = http.get(f"/collections/{query}")
            assert response.status_code == status and said in response.text, response.text
