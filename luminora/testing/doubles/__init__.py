"""Doubles for tests: what speaks a vendor's wire format over a real socket, errors included.

:class:`luminora.testing.doubles.openai.OpenAIDouble` is a whole vendor;
:class:`luminora.testing.doubles.vendor.VendorDouble` and
:class:`luminora.testing.doubles.http.HttpDouble` are what to make others of.
"""
