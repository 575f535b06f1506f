# Unit tests of this area.
