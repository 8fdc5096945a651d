// parse_audit_peer FILE ROUNDS: the same five fields of each line by simdjson's on-demand parser, lines one after the other by iterate_many (which uses a second thread);
// "events hash seconds" a round, as parse_audit prints it. The file is read into memory with the padding that the library wants.
#include <simdjson.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <ctime>

static double
seconds()
{
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

static bool
take(simdjson::ondemand::object line, uint64_t &hash)
{
    simdjson::ondemand::object operation;
    std::string_view user, host, action, path;
    uint64_t us;

    if (line["timestamp"].get(us) || line["user"]["name"].get(user) || line["device"]["hostName"].get(host) || line["operation"].get(operation) ||
        operation["action"].get(action) || operation["entryPath"].get(path)) {
        return false;
    }
    hash += us * 1000 + path.size() + user.size() + host.size() + action.size();
    return true;
}

int
main(int argc, char **argv)
{
    simdjson::padded_string text;

    if (argc != 3 || simdjson::padded_string::load(argv[1]).get(text)) {
        fprintf(stderr, "usage: parse_audit_peer FILE ROUNDS\n");
        return 2;
    }
    for (int i = 0; i < atoi(argv[2]); i++) {
        simdjson::ondemand::parser parser;
        simdjson::ondemand::document_stream lines;
        uint64_t n = 0, hash = 0;
        double began = seconds();

        if (parser.iterate_many(text, 1 << 20).get(lines)) {
            return 1;
        }
        for (auto line : lines) {
            simdjson::ondemand::object object;
            if (!line.get_object().get(object)) {
                n += take(object, hash);
            }
        }
        printf("%" PRIu64 " %" PRIx64 " %.6f\n", n, hash, seconds() - began);
    }
    return 0;
}
