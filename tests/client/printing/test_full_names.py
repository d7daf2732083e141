"""Types that a file names as its author did are printed as those that a compiler wrote out."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.text_format import Parse

from grpcdoctor.client.printing.proto_source import source_of

FILE = """
name: "a.proto" package: "p.q" syntax: "proto2"
message_type {
  name: "Outer" extension_range { start: 10 end: 20 }
  field { name: "inner" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: "Inner" }
  field { name: "other" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: "q.Other" }
  field { name: "kind" number: 3 label: LABEL_OPTIONAL type: TYPE_ENUM type_name: "Kind" default_value: "SECOND" }
  nested_type { name: "Inner" }
  enum_type { name: "Kind" value { name: "FIRST" number: 0 } value { name: "SECOND" number: 1 } }
}
message_type { name: "Inner" }
message_type { name: "Other" }
extension { name: "more" number: 10 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: "Inner" extendee: "Outer" }
service { name: "S" method { name: "M" input_type: "Outer" output_type: "Outer.Inner" } }
"""


def test_the_innermost_type_of_a_name_is_meant() -> None:
    pool: Any = DescriptorPool()
    pool.Add(Parse(FILE, FileDescriptorProto()))
    message = source_of(pool.FindMessageTypeByName("p.q.Outer"))
    assert "optional .p.q.Outer.Inner inner = 1;" in message
    assert "optional .p.q.Other other = 2;" in message
    assert "optional .p.q.Outer.Kind kind = 3 [default = SECOND];" in message
    assert source_of(pool.FindExtensionByName("p.q.more")) == "extend .p.q.Outer {\n  repeated .p.q.Inner more = 10;\n}"
    service = source_of(pool.FindServiceByName("p.q.S"))
    assert service == "service S {\n  rpc M ( .p.q.Outer ) returns ( .p.q.Outer.Inner );\n}"
