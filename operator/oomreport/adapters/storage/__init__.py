"""Files: logs, spool, checkpoint.

Modules:

    checkpoint    The state that the agent keeps over a restart
    files         Small files: read at once, or written to survive a power cut
    journal       The records that were told since the checkpoint
    line_numbers  The numbers of lines by their places in a log
    log_file      Log files: plain, compressed or UTF-16
    plain_file    Plain files, read and searched by two threads
    spool         Records on disk until they are delivered
"""
