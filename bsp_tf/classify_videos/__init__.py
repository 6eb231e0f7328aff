"""Which classes a whole video shows, learned from snippet features."""
