"""Small models that every data assimilator knows; all members of an ensemble advance at once.

lorenz63            chaos in three numbers
lorenz96            chaos on a ring
"""
