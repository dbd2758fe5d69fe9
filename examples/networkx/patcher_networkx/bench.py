"""What of networkx is run and compared: clustering of drawn graphs, loops included.

Python's own generator makes the graphs, so that no patch of networkx can change the input.
"""

import random

import networkx as nx


def graph(nodes, edges, seed):
    """A graph of so many nodes and edges; some edges are loops."""
    rng = random.Random(seed)
    made = nx.Graph()
    made.add_nodes_from(range(nodes))
    made.add_edges_from((rng.randrange(nodes), rng.randrange(nodes)) for _ in range(edges))
    return made


def clustering(nodes=150, edges=1500, seed=1):
    """Triangles and clustering coefficient of every node."""
    made = graph(nodes, edges, seed)
    return nx.triangles(made), nx.clustering(made), nx.transitivity(made)


def weighted(nodes=60, edges=400, seed=1):
    """Weighted clustering of every node."""
    made = graph(nodes, edges, seed)
    rng = random.Random(seed + 1)
    for _, _, data in made.edges(data=True):
        data["weight"] = rng.random()
    return nx.clustering(made, weight="weight")


def draw(rng):
    """Arguments that nobody could know."""
    return {
        "nodes": rng.randrange(50, 150),
        "edges": rng.randrange(300, 1500),
        "seed": rng.randrange(1 << 30),
    }
