"""The libraries that tests/bench/ann_bench measures us against.

A peer is made of the vectors, unit length, and builds with two threads. `search(ef, threads)` looks
all queries up and returns their ids; `efs` are the settings of its curve.
"""

import json

import numpy

M = 16
EF_CONSTRUCTION = 200
THREADS = 2
LINK_BYTES = (1 + 2 * M) * 4
EFS = (10, 16, 24, 32, 48, 64, 96, 128, 192)


class Hnswlib:
    name = "hnswlib"
    efs = EFS

    def __init__(self, base, queries, top):
        import hnswlib

        self.index = hnswlib.Index(space="ip", dim=base.shape[1])
        self.index.init_index(len(base), ef_construction=EF_CONSTRUCTION, M=M)
        self.index.add_items(base, num_threads=THREADS)
        self.queries, self.top = queries, top
        self.bytes_per_vector = base.shape[1] * 4 + LINK_BYTES + 8

    def search(self, ef, threads):
        self.index.set_ef(max(ef, self.top))
        return self.index.knn_query(self.queries, k=self.top, num_threads=threads)[0].tolist()


class FaissSq8:
    name = "faiss HNSW-SQ8"
    efs = EFS

    def __init__(self, base, queries, top):
        import faiss

        self.faiss = faiss
        faiss.omp_set_num_threads(THREADS)
        self.index = faiss.IndexHNSWSQ(base.shape[1], faiss.ScalarQuantizer.QT_8bit, M,
                                       faiss.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = EF_CONSTRUCTION
        self.index.train(base)
        self.index.add(base)
        self.queries, self.top = queries, top
        self.bytes_per_vector = base.shape[1] + LINK_BYTES

    def search(self, ef, threads):
        self.faiss.omp_set_num_threads(threads)
        self.index.hnsw.efSearch = ef
        return self.index.search(self.queries, self.top)[1].tolist()


class Usearch:
    efs = EFS
    dtype = "bf16"
    bytes_per_value = 2

    def __init__(self, base, queries, top):
        from usearch.index import Index

        self.index = Index(ndim=base.shape[1], metric="ip" if self.dtype == "bf16" else "cos",
                           dtype=self.dtype, connectivity=M, expansion_add=EF_CONSTRUCTION)
        self.index.add(numpy.arange(len(base)), base, threads=THREADS)
        self.queries, self.top = queries, top
        self.bytes_per_vector = base.shape[1] * self.bytes_per_value + LINK_BYTES + 8

    def search(self, ef, threads):
        self.index.expansion_search = ef
        return self.index.search(self.queries, self.top, threads=threads).keys.tolist()


class UsearchBf16(Usearch):
    name = "usearch bf16"


class UsearchI8(Usearch):
    name = "usearch i8"
    dtype = "i8"
    bytes_per_value = 1


class Vsag:
    name = "vsag hgraph sq8"
    efs = EFS

    def __init__(self, base, queries, top):
        import pyvsag

        self.index = pyvsag.Index("hgraph", json.dumps({
            "dtype": "float32", "metric_type": "ip", "dim": base.shape[1],
            "index_param": {"base_quantization_type": "sq8_uniform", "max_degree": 2 * M,
                            "ef_construction": EF_CONSTRUCTION, "use_reorder": True,
                            "precise_quantization_type": "fp32", "build_thread_count": THREADS}}))
        self.index.build(vectors=base, ids=numpy.arange(len(base), dtype=numpy.int64),
                         num_elements=len(base), dim=base.shape[1])
        self.queries, self.top = queries, top
        self.bytes_per_vector = base.shape[1] * 5 + LINK_BYTES

    def search(self, ef, threads):
        parameters = json.dumps({"hgraph": {"ef_search": max(ef, self.top)}})
        return [self.index.knn_search(vector=query, k=self.top, parameters=parameters)[0].tolist()
                for query in self.queries]


class Scann:
    name = "scann"
    efs = (10, 20, 40, 80, 120, 200, 300)  # leaves searched

    def __init__(self, base, queries, top):
        import scann

        self.searcher = (
            scann.scann_ops_pybind.builder(base, top, "dot_product")
            .tree(num_leaves=int(len(base) ** 0.5 * 2), num_leaves_to_search=100,
                  training_sample_size=len(base))
            .score_ah(2, anisotropic_quantization_threshold=0.2)
            .reorder(100).set_n_training_threads(THREADS).build())
        self.queries, self.top = queries, top
        self.bytes_per_vector = base.shape[1] * 4 + base.shape[1] / 4

    def search(self, leaves, threads):
        if threads == 1:
            found = [self.searcher.search(query, leaves_to_search=leaves)[0] for query in self.queries]
            return [ids.tolist() for ids in found]
        return self.searcher.search_batched_parallel(self.queries, leaves_to_search=leaves)[0].tolist()


PEERS = {peer.name: peer for peer in (Hnswlib, FaissSq8, UsearchBf16, UsearchI8, Vsag, Scann)}
