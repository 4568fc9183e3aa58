"""What all tests share: properties are judged by what holds, never by how fast, since machines are shared and noisy."""

import hypothesis

hypothesis.settings.register_profile("oomreport", deadline=None, print_blob=True)
hypothesis.settings.load_profile("oomreport")
