"""ActionFormer out of files of its authors."""
