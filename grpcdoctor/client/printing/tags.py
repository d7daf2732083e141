"""Field numbers of descriptor.proto: the steps of a SourceCodeInfo.Location's path.

https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/descriptor.proto
"""

from __future__ import annotations

from typing import Final

FILE_PACKAGE: Final = 2
FILE_DEPENDENCY: Final = 3
FILE_MESSAGE: Final = 4
FILE_ENUM: Final = 5
FILE_SERVICE: Final = 6
FILE_EXTENSION: Final = 7
FILE_OPTIONS: Final = 8
FILE_SYNTAX: Final = 12
MESSAGE_NAME: Final = 1
MESSAGE_FIELD: Final = 2
MESSAGE_NESTED: Final = 3
MESSAGE_ENUM: Final = 4
MESSAGE_EXTENSION_RANGE: Final = 5
MESSAGE_EXTENSION: Final = 6
MESSAGE_OPTIONS: Final = 7
MESSAGE_ONEOF: Final = 8
MESSAGE_RESERVED_RANGE: Final = 9
MESSAGE_RESERVED_NAME: Final = 10
EXTENSION_RANGE_OPTIONS: Final = 3
FIELD_NAME: Final = 1
FIELD_EXTENDEE: Final = 2
FIELD_NUMBER: Final = 3
FIELD_LABEL: Final = 4
FIELD_TYPE: Final = 5
FIELD_DEFAULT: Final = 7
FIELD_OPTIONS: Final = 8
FIELD_JSON_NAME: Final = 10
ONEOF_NAME: Final = 1
ONEOF_OPTIONS: Final = 2
ENUM_NAME: Final = 1
ENUM_VALUE: Final = 2
ENUM_OPTIONS: Final = 3
ENUM_RESERVED_RANGE: Final = 4
ENUM_RESERVED_NAME: Final = 5
ENUM_VALUE_NAME: Final = 1
ENUM_VALUE_NUMBER: Final = 2
ENUM_VALUE_OPTIONS: Final = 3
SERVICE_NAME: Final = 1
SERVICE_METHOD: Final = 2
SERVICE_OPTIONS: Final = 3
METHOD_NAME: Final = 1
METHOD_INPUT: Final = 2
METHOD_OUTPUT: Final = 3
METHOD_OPTIONS: Final = 4
# The same in every *Options message.
UNINTERPRETED_OPTION: Final = 999
