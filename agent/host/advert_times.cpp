#include "agent/host/advert_times.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <fstream>
#include <memory>

#include "agent/host/file_descriptor.hpp"

namespace understudy::host {

namespace {

// CLOCK_BOOTTIME begins at zero with each boot, so times are of one boot only.
std::array<char, 40> boot_id() {
    std::array<char, 40> id{};
    std::ifstream{"/proc/sys/kernel/random/boot_id"}.read(id.data(), 36);
    return id;
}

}  // namespace

struct AdvertTimes::Content {
    static constexpr std::uint64_t form = 0x31656d6974766461;  // "advtime1"
    static constexpr std::size_t most = 4096;

    struct Record {
        std::int32_t interface = 0;  // 0: unused
        std::uint32_t vrid = 0;
        std::int64_t sent_us = 0;
    };
    std::uint64_t kind = 0;
    std::array<char, 40> boot{};
    std::array<Record, most> records{};
};

AdvertTimes::AdvertTimes(const std::filesystem::path& runtime_dir)
    : path_(runtime_dir / "advert-times") {
    read();
    map();
}

AdvertTimes::~AdvertTimes() {
    if (content_ != nullptr) {
        munmap(content_, sizeof *content_);
    }
}

void AdvertTimes::read() {
    const FileDescriptor file{open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    const auto content = std::make_unique<Content>();
    if (::read(file.get(), content.get(), sizeof *content) != sizeof *content ||
        content->kind != Content::form || content->boot != boot_id()) {
        return;
    }
    for (const Content::Record& record : content->records) {
        if (record.interface > 0) {
            former_[{record.interface, static_cast<vrrp::Vrid>(record.vrid)}] =
                TimePoint{Duration{record.sent_us}};
        }
    }
}

// The room is taken before it is used: a store to a page that a full file system does not have
// would end the process. A file of its own, so that what the former one has left is whole until
// this one takes its place.
void AdvertTimes::map() {
    std::filesystem::path draft = path_;
    draft += ".new";
    unlink(draft.c_str());
    const FileDescriptor file{
        open(draft.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!file.is_open() || posix_fallocate(file.get(), 0, sizeof(Content)) != 0 ||
        rename(draft.c_str(), path_.c_str()) != 0) {
        unlink(draft.c_str());
        unlink(path_.c_str());  // what nobody keeps up to date helps nobody
        return;
    }
    void* memory =
        mmap(nullptr, sizeof(Content), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (memory == MAP_FAILED) {
        unlink(path_.c_str());
        return;
    }
    content_ = new (memory) Content{};
    content_->kind = Content::form;
    content_->boot = boot_id();
    for (const auto& [router, at] : former_) {  // if this one dies before it has advertised
        sent(router.first, router.second, at);
    }
}

void AdvertTimes::remove() const {
    unlink(path_.c_str());
}

void AdvertTimes::sent(core::InterfaceIndex interface, vrrp::Vrid vrid, TimePoint at) {
    if (content_ == nullptr) {
        return;
    }
    const auto [place, is_new] = places_.try_emplace({interface, vrid}, places_.size());
    if (place->second >= Content::most) {
        return;
    }
    Content::Record& record = content_->records[place->second];
    std::atomic_ref{record.sent_us}.store(at.time_since_epoch().count(), std::memory_order_relaxed);
    if (is_new) {
        record.vrid = vrid;
        std::atomic_ref{record.interface}.store(interface, std::memory_order_release);
    }
}

std::optional<TimePoint> AdvertTimes::former(core::InterfaceIndex interface,
                                             vrrp::Vrid vrid) const {
    const auto found = former_.find({interface, vrid});
    return found == former_.end() ? std::nullopt : std::optional{found->second};
}

}  // namespace understudy::host
