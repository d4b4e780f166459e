"""Reports: experiments, runs on disk, statistics, tables, figures and pages.

Modules are imported one by one, so that reading an experiment does not start TensorFlow.
"""
