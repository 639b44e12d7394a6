#include <nftables/libnftables.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <sstream>

#include "agent/doctor/gather/gather.hpp"
#include "agent/host/packet_rules.hpp"
#include "base/system_error.hpp"

namespace understudy::doctor {

namespace {

struct FreeContext {
    void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};
struct ClosePipe {
    void operator()(std::FILE* pipe) const { pclose(pipe); }
};

void read_nftables(FirewallFacts& facts) {
    facts.trouble = host::trouble_of_nft();
    if (!facts.trouble.empty()) {
        return;
    }
    const std::unique_ptr<nft_ctx, FreeContext> context{nft_ctx_new(NFT_CTX_DEFAULT)};
    if (!context || nft_ctx_buffer_output(context.get()) != 0 ||
        nft_ctx_buffer_error(context.get()) != 0) {
        facts.trouble = system_error_text("cannot start libnftables");
        return;
    }
    nft_ctx_output_set_flags(
        context.get(), NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_NUMERIC_PROTO);
    if (nft_run_cmd_from_buffer(context.get(), "list ruleset") != 0) {
        const char* error = nft_ctx_get_error_buffer(context.get());
        const std::string text = error != nullptr ? error : "";
        facts.trouble = text.empty() ? "nftables refuses" : text.substr(0, text.find('\n'));
        return;
    }
    const char* output = nft_ctx_get_output_buffer(context.get());
    facts.ruleset = output != nullptr ? output : "";
}

// The old tables have a kernel interface of their own, which only their program reads.
void read_legacy(FirewallFacts& facts) {
    constexpr const char* program = "/usr/sbin/iptables-legacy-save";
    if (content_of("/proc/net/ip_tables_names").empty() || !std::filesystem::exists(program)) {
        return;
    }
    const std::unique_ptr<std::FILE, ClosePipe> pipe{popen(program, "re")};
    std::array<char, 1024> line{};
    while (pipe && std::fgets(line.data(), line.size(), pipe.get()) != nullptr) {
        facts.legacy.emplace_back(line.data());
    }
}

}  // namespace

FirewallFacts gather_firewall() {
    FirewallFacts facts;
    read_nftables(facts);
    read_legacy(facts);
    return facts;
}

}  // namespace understudy::doctor
