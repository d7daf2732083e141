"""`python -m grpcdoctor`."""

from grpcdoctor.cli.start import main

if __name__ == "__main__":
    main()
