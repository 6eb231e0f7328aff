"""ActionFormer: a transformer over several pyramid levels that names classes itself."""
