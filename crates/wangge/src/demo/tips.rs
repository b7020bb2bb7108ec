//! What to try while the demo stays up: lines that work as they are printed, with the real port and files.
//!
//! Not here: running them.

use std::path::Path;

use geometry::Position;

/// What the lines need to know.
pub(super) struct Tips<'a> {
    /// The program, as it can be called again.
    pub(super) program: &'a Path,
    /// Where the server answers: `127.0.0.1:50051`.
    pub(super) address: String,
    /// The administrator's token.
    pub(super) token_file: &'a Path,
    /// Some place in the subdistrict.
    pub(super) place: Position,
}

impl Tips<'_> {
    /// The lines, ready to print.
    pub(super) fn text(&self) -> String {
        format!(
            "The server stays up with the day in it; its clock goes on in real time. In another terminal:\n\n{}\n\
             or from any language, here Python by reflection (pip install grpcio grpcio-reflection):\n\n{}\n\
             Ctrl-C stops the server and removes its data.",
            self.commands(),
            self.python(),
        )
    }

    fn commands(&self) -> String {
        let (longitude, latitude) = (self.place.longitude_deg(), self.place.latitude_deg());
        format!(
            "  alias wangge='{program}'\n  \
               export WANGGE_SERVER=http://{address} WANGGE_TOKEN_FILE='{token}'\n  \
               wangge locate {longitude:.5} {latitude:.5} --datum wgs84         # which micro-grid, who, how sure\n  \
               wangge event list --area 370404001 --overdue\n  \
               wangge event count --area 370404001 --by child-area\n  \
               wangge event watch --area 370404001 &                    # then, and see it here too:\n  \
               wangge event report --at {longitude:.5},{latitude:.5} --datum wgs84 --category 占道经营 --text 水果摊占用人行道\n  \
               wangge area list 370404001006 --recursive\n",
            program = self.program.display(),
            address = self.address,
            token = self.token_file.display(),
        )
    }

    fn python(&self) -> String {
        format!(
            "python3 - <<'END'\n\
             import grpc\n\
             from google.protobuf.descriptor_pool import DescriptorPool\n\
             from google.protobuf.message_factory import GetMessageClass\n\
             from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase\n\
             channel = grpc.insecure_channel('{address}')\n\
             token = open('{token}').read().strip()\n\
             pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))\n\
             def call(service, method, **fields):\n\
             \x20   known = pool.FindServiceByName(service).FindMethodByName(method)\n\
             \x20   request, answer = GetMessageClass(known.input_type), GetMessageClass(known.output_type)\n\
             \x20   stub = channel.unary_unary(f'/{{service}}/{{method}}', request.SerializeToString, answer.FromString)\n\
             \x20   return stub(request(**fields), metadata=[('authorization', 'Bearer ' + token)])\n\
             event = call('wangge.events.v1.EventService', 'ReportEvent', category='路灯不亮', text='路口两盏路灯不亮',\n\
             \x20            channel='CHANNEL_RESIDENT', point=dict(longitude_deg={longitude:.5}, latitude_deg={latitude:.5}, datum='DATUM_WGS84'))\n\
             print(event.number, event.chain[-1].display_name, event.worker_display_name)\n\
             END\n",
            address = self.address,
            token = self.token_file.display(),
            longitude = self.place.longitude_deg(),
            latitude = self.place.latitude_deg(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_name_the_real_port_and_token_file() {
        let tips = Tips {
            program: Path::new("/opt/wangge"),
            address: "127.0.0.1:4711".to_owned(),
            token_file: Path::new("/tmp/demo/admin.token"),
            place: Position::new(117.59, 34.77).unwrap(),
        };
        let text = tips.text();
        assert!(text.contains("WANGGE_SERVER=http://127.0.0.1:4711 WANGGE_TOKEN_FILE='/tmp/demo/admin.token'"));
        assert!(text.contains("grpc.insecure_channel('127.0.0.1:4711')"));
        assert!(text.contains("\n    return stub(request(**fields)"), "Python keeps its indents:\n{text}");
        assert!(text.contains("f'/{service}/{method}'"));
    }
}
