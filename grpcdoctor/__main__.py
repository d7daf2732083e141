"""`python -m grpcdoctor`."""

from grpcdoctor.cli.main import main

if __name__ == "__main__":
    main()
