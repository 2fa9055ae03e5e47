"""What faults look for: silence of a node, its absence to its peers, a leader elsewhere."""

from __future__ import annotations

from harness.faults.contract import Field, Hit


async def no_answer(field: Field, hit: Hit) -> str:
    """Evidence that no hit node answers a request of its own protocol over the admin link."""
    for node in hit.nodes:
        if await field.observer.answers(node):
            return ""
    return f"{', '.join(hit.nodes)} did not answer a protocol request"


async def gone_for_its_peers(field: Field, hit: Hit) -> str:
    """Evidence that each other node believes the hit ones gone."""
    witnesses = [node for node in field.cluster.nodes if node not in hit.nodes]
    for witness in witnesses:
        alive = await field.observer.peers_seen_alive(witness)
        if alive.intersection(hit.nodes):
            return ""
    return f"{', '.join(witnesses)} no longer see {', '.join(hit.nodes)}" if witnesses else ""


async def leader_moved(field: Field, hit: Hit) -> str:
    """Evidence that every partition a hit node led is led by another now."""
    leaders = await field.observer.leaders(field.destination)
    if not leaders or not all(leaders) or set(leaders).intersection(hit.nodes):
        return ""
    return f"{field.destination.name} is led by {', '.join(leaders)}, was by {', '.join(hit.leaders)}"


async def cluster_noticed(field: Field, hit: Hit) -> str:
    """How the rest of the cluster has reacted to the loss of the hit nodes.

    Whatever a hit node led has moved; otherwise its peers see it gone. Where too few nodes are
    left to agree on anything, and in a cluster of one, there is nobody to react.
    """
    survivors = len(field.cluster.nodes) - len(hit.nodes)
    if survivors <= len(field.cluster.nodes) // 2:
        return "too few nodes are left to react"
    if set(hit.leaders).intersection(hit.nodes):
        return await leader_moved(field, hit)
    return await gone_for_its_peers(field, hit)
