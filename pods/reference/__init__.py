"""The pods' side: a reference pod, a demo world of four pods and two routers, and a walkthrough
that plays every request flow of the two proposals.

A pod's answer is made by ``application`` and the modules of pages below it, from what
``ownership`` says of a path; ``resource`` and ``service`` put it on a socket.
"""
