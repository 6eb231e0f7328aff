"""One page for the answers about videos: a player, and a timeline under it."""
