"""The API of a reference pod: REST below ``/api/v4``, GraphQL, and search.

``paths`` finds what answers; ``answers`` is what all of it says and reads.
"""
