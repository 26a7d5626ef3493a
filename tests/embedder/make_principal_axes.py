"""Writes tests/data/principal_axes.json: vectors and the eigenvectors of their uncentred second
moment, by NumPy in float64. Axes are rows, the strongest first, their largest number positive."""

import json
import pathlib

import numpy as np

rng = np.random.default_rng(11)
count, width = 40, 8
vectors = rng.normal(size=(count, width)) * np.linspace(2, 0.2, width) @ rng.normal(size=(width, width))
vectors = np.round(vectors + rng.normal(size=width), 3).astype(np.float32).astype(np.float64)
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
energies, axes = np.linalg.eigh(vectors.T @ vectors / count)
energies, axes = energies[::-1], axes[:, ::-1].T
axes *= np.sign(axes[np.arange(width), np.abs(axes).argmax(axis=1)])[:, None]
path = pathlib.Path(__file__).parent.parent / "data" / "principal_axes.json"
rows = lambda matrix: [[float(f"{value:.9g}") for value in row] for row in matrix]
path.write_text(json.dumps({"vectors": rows(vectors), "energies": rows([energies])[0],
                            "axes": rows(axes)}) + "\n")
