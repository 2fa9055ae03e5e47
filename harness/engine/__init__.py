"""Containers: finding an engine, images, nodes, links, the mesh, and leaving nothing behind."""
