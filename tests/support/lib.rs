//! Shared by all tests: fixtures and a running Wangge.
