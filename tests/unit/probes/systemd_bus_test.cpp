// Questions to the service manager, which the test plays at the other end of a socket.
#include "checks/processes/systemd_bus.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "tests/unit/probes/probing.hpp"

namespace understudy::checks {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Takes one connection after the other, in steps that do not wait.
class Manager {
public:
    explicit Manager(std::string path) : path_(std::move(path)) {
        listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(listen(listener_, 5), 0);
    }
    ~Manager() {
        hang_up();
        close(listener_);
        std::filesystem::remove(path_);
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    void step() {
        if (bus_ == nullptr) {
            take(accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        }
        while (bus_ != nullptr && sd_bus_process(bus_, nullptr) > 0) {
        }
    }
    void hang_up() {
        for (sd_bus_message* call : held_) {
            sd_bus_message_unref(call);
        }
        held_.clear();
        sd_bus_close_unref(bus_);
        bus_ = nullptr;
    }
    void answer_what_is_held() {
        for (sd_bus_message* call : std::exchange(held_, {})) {
            answer(call);
            sd_bus_message_unref(call);
        }
    }
    void remove_job(const char* job, const char* result) {
        sd_bus_message* signal = nullptr;
        sd_bus_message_new_signal(bus_, &signal, "/org/freedesktop/systemd1",
                                  "org.freedesktop.systemd1.Manager", "JobRemoved");
        sd_bus_message_set_sender(signal, "org.freedesktop.systemd1");
        sd_bus_message_append(signal, "uoss", 1U, job, "x.service", result);
        sd_bus_send(bus_, signal, nullptr);
        sd_bus_message_unref(signal);
    }

    std::vector<std::string> asked;
    std::string held;  // calls of this name are not answered at once

private:
    void take(int fd) {
        if (fd < 0) {
            return;
        }
        sd_bus_new(&bus_);
        sd_bus_set_fd(bus_, fd, fd);
        sd_bus_set_server(bus_, 1, {});
        sd_bus_add_filter(bus_, nullptr, &Manager::on_message, this);
        ASSERT_GE(sd_bus_start(bus_), 0);
    }
    static int on_message(sd_bus_message* message, void* data, sd_bus_error*) {
        Manager& self = *static_cast<Manager*>(data);
        std::uint8_t type = 0;
        sd_bus_message_get_type(message, &type);
        if (type != SD_BUS_MESSAGE_METHOD_CALL) {
            return 0;
        }
        self.asked.emplace_back(sd_bus_message_get_member(message));
        if (self.asked.back() == self.held) {
            self.held_.push_back(sd_bus_message_ref(message));
        } else {
            answer(message);
        }
        return 1;
    }
    static void answer(sd_bus_message* call) {
        const std::string member = sd_bus_message_get_member(call);
        if (member == "Hello") {
            sd_bus_reply_method_return(call, "s", ":1.7");
        } else if (member == "LoadUnit") {
            sd_bus_reply_method_return(call, "o", "/unit");
        } else if (member == "GetAll") {
            sd_bus_reply_method_return(call, "a{sv}", 3, "ActiveState", "s", "active", "Weight",
                                       "u", 7U, "SubState", "s", "running");
        } else if (member == "StartUnit") {
            sd_bus_reply_method_return(call, "o", "/job/1");
        } else if (member == "StopUnit") {
            sd_bus_reply_method_errorf(call, "org.example.No", "it will not stop");
        } else {
            sd_bus_reply_method_return(call, "");
        }
    }

    std::string path_;
    int listener_ = -1;
    sd_bus* bus_ = nullptr;
    std::vector<sd_bus_message*> held_;
};

class Bus : public Probing {
protected:
    Bus() { setenv("DBUS_SYSTEM_BUS_ADDRESS", ("unix:path=" + path_).c_str(), 1); }
    ~Bus() override { unsetenv("DBUS_SYSTEM_BUS_ADDRESS"); }

    SystemdBus::Told keep_answer() {
        return [this](const SystemdBus::Answer& answer) { answers.push_back(answer); };
    }
    bool happens(const std::function<bool()>& condition) {
        return run_until([&] {
            manager.step();
            return condition();
        });
    }
    bool is_asked(const std::string& member) {
        return happens([&] { return std::ranges::find(manager.asked, member) != end(); });
    }
    SystemdBus::Answer answer() {
        EXPECT_TRUE(happens([&] { return !answers.empty(); })) << "no answer";
        return answers.empty() ? SystemdBus::Answer{} : answers.front();
    }
    // Long enough for whatever should not come.
    void settle() {
        for (int i = 0; i < 5; ++i) {
            manager.step();
            context.run_for(std::chrono::milliseconds{10});
            context.restart();
        }
    }

    const std::string path_ =
        std::filesystem::temp_directory_path() / ("us-unit-" + std::to_string(getpid()) + "-bus");
    Manager manager{path_};
    SystemdBus bus{context};
    std::vector<SystemdBus::Answer> answers;

private:
    std::vector<std::string>::iterator end() { return manager.asked.end(); }
};

TEST_F(Bus, AUnitHasAState) {
    bus.unit_state("x.service", keep_answer());
    EXPECT_EQ(answer().error, "");
    EXPECT_EQ(answer().active, "active");
    EXPECT_EQ(answer().sub, "running");
}

TEST_F(Bus, AJobIsOverWhenItIsRemoved) {
    bus.start_unit("x.service", keep_answer());
    ASSERT_TRUE(is_asked("StartUnit"));
    manager.remove_job("/job/7", "failed");
    settle();
    EXPECT_TRUE(answers.empty());
    manager.remove_job("/job/1", "done");
    EXPECT_EQ(answer().error, "");
    EXPECT_EQ(answer().result, "done");
}

TEST_F(Bus, AJobMayBeOverBeforeItsNumberIsKnown) {
    manager.held = "StartUnit";
    bus.start_unit("x.service", keep_answer());
    ASSERT_TRUE(is_asked("StartUnit"));
    manager.remove_job("/job/1", "failed");
    settle();
    manager.answer_what_is_held();
    EXPECT_EQ(answer().result, "failed");
}

TEST_F(Bus, ARefusalIsTold) {
    bus.stop_unit("x.service", keep_answer());
    EXPECT_EQ(answer().error, "it will not stop");
}

TEST_F(Bus, WhatIsForgottenIsNeitherToldNorAskedOn) {
    manager.held = "LoadUnit";
    const auto ticket = bus.unit_state("x.service", keep_answer());
    ASSERT_TRUE(is_asked("LoadUnit"));
    bus.forget(ticket);
    manager.answer_what_is_held();
    settle();
    EXPECT_TRUE(answers.empty());
    EXPECT_THAT(manager.asked, Not(Contains("GetAll")));
    manager.held = "";
    bus.unit_state("x.service", keep_answer());
    EXPECT_EQ(answer().active, "active");
}

TEST_F(Bus, ItMayBeForgottenAndAskedAgainFromItsOwnAnswer) {
    SystemdBus::Ticket ticket = 0;
    ticket = bus.unit_state("x.service", [&](const SystemdBus::Answer&) {
        bus.forget(ticket);
        bus.unit_state("y.service", keep_answer());
    });
    EXPECT_EQ(answer().active, "active");
}

TEST_F(Bus, ALostBusIsToldToAllAndConnectedToAgain) {
    manager.held = "LoadUnit";
    for (int i = 0; i < 3; ++i) {
        bus.unit_state("x.service", keep_answer());
    }
    bus.start_unit("x.service", keep_answer());
    bus.forget(bus.unit_state("x.service", keep_answer()));
    ASSERT_TRUE(is_asked("StartUnit"));
    settle();
    manager.hang_up();
    ASSERT_TRUE(happens([&] { return answers.size() == 4; })) << answers.size();
    for (const SystemdBus::Answer& each : answers) {
        EXPECT_NE(each.error, "");
    }
    answers.clear();
    manager.held = "";
    bus.unit_state("x.service", keep_answer());
    EXPECT_EQ(answer().active, "active");
    EXPECT_EQ(answers.size(), 1U);
}

TEST_F(Bus, ItMayBeDestroyedWithOpenQuestions) {
    auto other = std::make_unique<SystemdBus>(context);
    other->unit_state("x.service", keep_answer());
    ASSERT_TRUE(happens([&] { return !manager.asked.empty(); }));
    context.poll();
    other.reset();
    settle();
    EXPECT_TRUE(answers.empty());
}

TEST_F(Bus, WithoutDescriptorsItSaysSo) {
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(next);
    for (rlim_t spare = 0; spare < 2; ++spare) {  // for the socket, and for its copy
        const auto limit = rlimit{static_cast<rlim_t>(next) + spare, before.rlim_max};
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
        try {
            bus.unit_state("x.service", keep_answer());
        } catch (const std::exception& error) {
            ADD_FAILURE() << "thrown: " << error.what();
        }
        setrlimit(RLIMIT_NOFILE, &before);
        ASSERT_TRUE(run_until([&] { return !answers.empty(); })) << spare;
        EXPECT_THAT(answers.front().error, StartsWith("no system bus: "));
        EXPECT_THAT(answers.front().error, HasSubstr("Too many open files"));
        answers.clear();
    }
    const int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(after);
    EXPECT_EQ(after, next) << "a descriptor was left open";
}

}  // namespace
}  // namespace understudy::checks
