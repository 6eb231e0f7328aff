"""G-TAD, the graph-based head of Xu et al., CVPR 2020."""
