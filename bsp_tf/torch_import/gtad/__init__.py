"""G-TAD out of files of its authors."""
