"""The most digits of each kind of number, as regular expressions.

A pattern that ends in `int` names one of these. So no text can make a number that `int` refuses (more than 4300
digits), or one that no API field holds (64 bits with a sign). A longer run of digits is no number of the kernel's: the
pattern does not match, and the value stays unknown.
"""

# pid_t and uid_t have 32 bits; a score is at most some thousands, but 32 bits in the kernel too.
INT = r"\d{1,10}"
# In kB: with 15 digits the bytes fit into 63 bits. An address space has at most 2^57 bytes, 14 digits.
KILOBYTES = r"\d{1,15}"
# In kB: what the kernel prints for "unlimited" has up to 17 digits.
LIMIT_KILOBYTES = r"\d{1,17}"
# In pages of at most 64 KiB: with 14 digits the bytes fit into 63 bits.
PAGES = r"\d{1,14}"
# Events: below 2^63.
COUNT = r"\d{1,18}"
# In bytes: what cgroup v1 prints for "unlimited" is 2^63 less a page, so that 19 digits may be too many: see MOST.
BYTES = r"\d{1,19}"
MOST = 2**63 - 1
