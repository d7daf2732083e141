"""One set-up a file; see grpcdoctor.demo.scenario for what a file has."""
