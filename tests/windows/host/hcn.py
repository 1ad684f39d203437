# SPDX-License-Identifier: Apache-2.0
"""The host compute network service, version 2, as the double of computenetwork.dll shows it: networks, endpoints,
namespaces and load balancers by id, documents of schema 2, its HRESULTs. What an endpoint does to packets is
net.Node's matter."""
import ipaddress
import json
import os
import re
import threading
import time
import uuid

from commands import Commands, Later, Log, replace_json
from iproute import NetError

OK = 0
NETWORK_NOT_FOUND, ENDPOINT_NOT_FOUND = 0x803B0001, 0x803B0002
ADAPTER_NOT_FOUND, POLICY_NOT_FOUND = 0x803B0006, 0x803B0008
INVALID_NETWORK_TYPE, INVALID_POLICY, INVALID_POLICY_TYPE = 0x803B000B, 0x803B000D, 0x803B000E
NETWORK_EXISTS, PORT_EXISTS = 0x803B0010, 0x803B0013
REQUEST_UNSUPPORTED, INVALID_JSON, INVALID_IP = 0x803B0015, 0x803B001B, 0x803B001E
EXTENSION_NOT_FOUND, NAMESPACE_HAS_ENDPOINT, HAS_REFERENCES = 0x803B001F, 0x803B002B, 0x803B002C
ADDRESS_TAKEN = 0x803B002F
FAILED = 0x80004005
NOT_FOUND, INVALID_ARGUMENT, NO_PROCEDURE, UNAVAILABLE = 0x80070490, 0x80070057, 0x8007007F, 0x800706BA
TEXTS = {
    NETWORK_NOT_FOUND: "The network was not found.", ENDPOINT_NOT_FOUND: "The endpoint was not found.",
    ADAPTER_NOT_FOUND: "The network adapter was not found.", POLICY_NOT_FOUND: "The policy was not found.",
    INVALID_NETWORK_TYPE: "The network type is invalid.", INVALID_POLICY: "The policy is invalid.",
    INVALID_POLICY_TYPE: "The policy type is invalid.", NETWORK_EXISTS: "The network already exists.",
    PORT_EXISTS: "The port already exists.", REQUEST_UNSUPPORTED: "The request is unsupported.",
    INVALID_JSON: "Invalid JSON document string.", INVALID_IP: "The IP address is invalid.",
    EXTENSION_NOT_FOUND: "The switch extension was not found.",
    NAMESPACE_HAS_ENDPOINT: "The endpoint is in a namespace already.",
    HAS_REFERENCES: "The entity is still referenced.",
    ADDRESS_TAKEN: "The address is invalid or reserved.", NOT_FOUND: "Element not found.",
    INVALID_ARGUMENT: "The parameter is incorrect.", NO_PROCEDURE: "The specified procedure could not be found.",
    UNAVAILABLE: "The RPC server is unavailable.",
}
NETWORK_TYPES = {t.lower(): t for t in ("NAT", "ICS", "Transparent", "L2Bridge", "L2Tunnel", "Overlay", "Private",
                                        "Internal")}
NEEDS_ADAPTER = ("Transparent", "L2Bridge", "L2Tunnel", "Overlay")
OVS_EXTENSION = "583cc151-73ec-4a6a-8b47-578297ad7623"
KINDS = {"Network": "networks", "Endpoint": "endpoints", "Namespace": "namespaces", "LoadBalancer": "loadBalancers"}
MISSING = {"Network": NETWORK_NOT_FOUND, "Endpoint": ENDPOINT_NOT_FOUND, "Namespace": NOT_FOUND,
           "LoadBalancer": NOT_FOUND}
NOTIFICATIONS = {"NetworkPreCreate": 1, "NetworkCreate": 2, "NetworkPreDelete": 3, "NetworkDelete": 4,
                 "NamespaceCreate": 5, "NamespaceDelete": 6, "NetworkEndpointAttached": 9,
                 "NetworkEndpointDetached": 0x10, "ServiceDisconnect": 0x01000000}
SCHEMA = {"Major": 2, "Minor": 0}
HOST_DEFAULT = str(uuid.uuid5(uuid.NAMESPACE_OID, "host-default"))
FUNCTION = re.compile(r"Hcn(Enumerate|Create|Open|Modify|Query|Delete|Close)"
                      r"(Network|Endpoint|Namespace|LoadBalancer)(?:s|Properties)?")


class Refused(Exception):
    def __init__(self, hr, text=""):
        self.hr, self.text = hr, text


def document(text):
    try:
        value = json.loads(text)
    except ValueError:
        raise Refused(INVALID_JSON, "Invalid JSON document string.") from None
    if not isinstance(value, dict):
        raise Refused(INVALID_JSON)
    return value


def guid(text):
    try:
        return str(uuid.UUID(text))
    except (ValueError, AttributeError, TypeError):
        raise Refused(INVALID_ARGUMENT, "not a GUID: %s" % text) from None


def shown(doc):
    """As the service answers: ids in upper case."""
    return json.dumps(doc, separators=(",", ":"), ensure_ascii=False)


class Hcn:
    def __init__(self, dir, node, prefix):
        self.dir, self.node, self.prefix = dir, node, prefix
        self.lock = threading.RLock()
        self.subscribers, self.held = [], []
        self.absent, self.missing = set(), set()
        self.netns = {}  # namespace id: Linux namespace; those made here are listed by self.made
        self.made = set()
        self.clear()
        self.log = Log(dir + "/calls.jsonl")
        self.commands = Commands(dir + "/commands", {
            "service": self.on_service, "forget": self.on_forget, "notify": self.on_notify, "absent": self.on_absent,
            "present": self.on_present, "reorder": lambda old, new: self.flush_held(),
            "lose-addresses": lambda old, new: setattr(self.node, "lose_addresses", new == "on")})
        self.save()

    # ---- state ----
    def clear(self):
        self.state = {kind: {} for kind in KINDS.values()}
        self.state["namespaces"][HOST_DEFAULT] = {
            "ID": HOST_DEFAULT.upper(), "NamespaceId": 1, "Type": "HostDefault", "Policies": [], "Resources": [],
            "SchemaVersion": SCHEMA}
        self.next_namespace = 2

    def save(self):
        replace_json(self.dir + "/state.json", self.state)
        replace_json(self.dir + "/netns.json", {"netns": self.netns, "made": sorted(self.made)})

    def setting(self, name):
        return self.commands.settings[name]

    def adapter_time(self):
        """When an adapter that is made now appears: as `adapter-delay` says it by then."""
        return Later(lambda: int(self.setting("adapter-delay")))

    # ---- one call ----
    def call(self, function, id="", settings="", network="", given="0"):
        start = time.monotonic()
        hr, result, error, new = OK, "", "", ""
        hr = self.commands.before(function)
        if not hr and self.setting("service") == "down":
            hr = UNAVAILABLE
        if not hr and function in self.absent:
            hr = NO_PROCEDURE
        if not hr:
            try:
                with self.lock:
                    result, new = self.dispatch(function, id, settings, network)
            except Refused as e:
                hr, error = e.hr, e.text
            except (LookupError, TypeError, AttributeError, ValueError) as e:
                # A document of other types than the schema's.
                hr, error = INVALID_JSON, "Invalid JSON document string: %s" % e
            except NetError as e:
                print(e, flush=True)
                hr, error = FAILED, str(e)
        if hr:
            error = json.dumps({"Success": False, "Error": error or TEXTS.get(hr, "Unspecified error"),
                                "ErrorCode": hr})
        try:
            logged = json.loads(settings) if given == "1" and settings else None
        except ValueError:
            logged = settings
        self.log.write(function, start, hr, id=new or id, settings=logged)
        return [hr, result, error, new]

    def dispatch(self, function, id, settings, network):
        if function in ("HcnRegisterServiceCallback", "HcnUnregisterServiceCallback"):
            return "", ""
        verb, kind = FUNCTION.fullmatch(function).groups()
        objects = self.state[KINDS[kind]]
        if verb == "Enumerate":
            return self.enumerate(objects, settings), ""
        if verb == "Create":
            id = str(uuid.uuid4()) if not int(id.replace("-", ""), 16) else id
            doc = {key: value for key, value in document(settings).items() if value is not None}
            self.check_schema(doc)
            getattr(self, "create_" + kind.lower())(id, doc, network)
            self.save()
            return "", id
        if verb == "Close":
            return "", ""
        if id not in objects:
            raise Refused(MISSING[kind])
        if verb == "Open":
            return "", id
        if verb == "Query":
            if settings:
                document(settings)
            return shown(objects[id]), id
        getattr(self, "%s_%s" % (verb.lower(), kind.lower()))(id, objects[id], document(settings) if settings else {})
        self.save()
        return "", id

    def check_schema(self, doc):
        version = doc.get("SchemaVersion")
        if not isinstance(version, dict) or version.get("Major") != 2:
            raise Refused(INVALID_JSON, "SchemaVersion 2.x is required.")

    def enumerate(self, objects, query):
        wanted = {}
        if query:
            text = document(query).get("Filter")
            if text is not None and not isinstance(text, str):
                raise Refused(INVALID_JSON, "Filter is a string.")
            wanted = document(text) if text else {}
        found = [id.upper() for id, doc in objects.items() if self.matches(id, doc, wanted)]
        if self.setting("reorder") == "on":
            found.reverse()
        return json.dumps(found)

    def matches(self, id, doc, wanted):
        for key, value in wanted.items():
            have = {"VirtualNetwork": doc.get("HostComputeNetwork"), "ID": id}.get(key, doc.get(key))
            if str(have).lower() != str(value).lower():
                return False
        return True

    # ---- networks ----
    def create_network(self, id, doc, _):
        networks = self.state["networks"]
        if id in networks or any(n.get("Name") == doc.get("Name") for n in networks.values()):
            raise Refused(NETWORK_EXISTS)
        kind = NETWORK_TYPES.get(str(doc.get("Type", "NAT")).lower())
        if not kind:
            raise Refused(INVALID_NETWORK_TYPE)
        policies = doc.setdefault("Policies", [])
        adapter = next((p["Settings"]["NetworkAdapterName"] for p in policies if p.get("Type") == "NetAdapterName"), None)
        if kind in NEEDS_ADAPTER and adapter is not None and not self.node.has_adapter(adapter):
            raise Refused(ADAPTER_NOT_FOUND, "The network adapter %s was not found." % adapter)
        self.check_network_policies(policies)
        for ipam in doc.get("Ipams") or []:
            for subnet in ipam.get("Subnets") or []:
                self.check_ip(subnet.get("IpAddressPrefix", ""), prefix=True)
        doc.update(ID=id.upper(), Type=kind)
        doc.setdefault("Flags", 0)
        doc.setdefault("MacPool", {"Ranges": [{"StartMacAddress": "00-15-5D-52-C0-00",
                                               "EndMacAddress": "00-15-5D-52-CF-FF"}]})
        networks[id] = doc
        if kind in NEEDS_ADAPTER and adapter is not None:
            self.node.vswitch_make(id, adapter, self.extension_of(doc), self.adapter_time())
        self.tell("NetworkCreate", id)

    @staticmethod
    def extension_of(doc):
        """Whether Open vSwitch is enabled: the last word on it counts."""
        return any(p["Settings"].get("Enable", p["Settings"].get("IsEnabled")) is True for p in doc["Policies"]
                   if p["Type"] == "VSwitchExtension")

    def check_network_policies(self, policies):
        for policy in policies:
            if not isinstance(policy, dict) or "Type" not in policy:
                raise Refused(INVALID_POLICY_TYPE)
            if policy["Type"] == "VSwitchExtension":
                extension = str(policy.get("Settings", {}).get("ExtensionID", "")).strip("{}").lower()
                if extension != OVS_EXTENSION or self.setting("extension") != "present":
                    raise Refused(EXTENSION_NOT_FOUND)
            if policy["Type"] == "SetPolicy":
                self.check_set(policy.get("Settings") or {})

    def check_set(self, settings):
        """Address sets came with version 13.0."""
        if int(self.setting("version").split(".")[0]) < 13:
            raise Refused(INVALID_POLICY_TYPE)
        if not settings.get("Id") or settings.get("PolicyType") not in ("IPSET", "NESTEDIPSET"):
            raise Refused(INVALID_POLICY, "The set is invalid: %s" % json.dumps(settings))
        for address in filter(None, str(settings.get("Values", "")).split(",")):
            self.check_ip(address, prefix=True)

    @staticmethod
    def sets_of(policies):
        return {p["Settings"]["Id"] for p in policies if p["Type"] == "SetPolicy"}

    def sets_named(self):
        """The ids of sets that access lists name."""
        acls = [p["Settings"] for e in self.state["endpoints"].values() for p in e.get("Policies", []) if p["Type"] == "ACL"]
        return {word for a in acls for key in ("LocalAddresses", "RemoteAddresses") for word in str(a.get(key, "")).split(",")}

    def modify_network(self, id, doc, request):
        if request.get("ResourceType") != "Policy":
            raise Refused(REQUEST_UNSUPPORTED)
        policies = (request.get("Settings") or {}).get("Policies") or []
        self.check_network_policies(policies)
        before = self.sets_of(doc.get("Policies", []))
        if request.get("RequestType") == "Remove" and self.sets_of(policies) & before & self.sets_named():
            raise Refused(HAS_REFERENCES)
        self.change_policies(doc, request.get("RequestType"), policies)
        self.node.vswitch_enable(id, self.extension_of(doc))

    def delete_network(self, id, doc, _):
        if any(e["HostComputeNetwork"].lower() == id for e in self.state["endpoints"].values()):
            raise Refused(HAS_REFERENCES)
        del self.state["networks"][id]
        self.node.vswitch_unmake(id)
        self.tell("NetworkDelete", id)

    # ---- endpoints ----
    def check_ip(self, text, prefix=False):
        try:
            return ipaddress.ip_network(text) if prefix else ipaddress.ip_address(text)
        except ValueError:
            raise Refused(INVALID_IP, "The IP address %s is invalid." % text) from None

    def create_endpoint(self, id, doc, network):
        endpoints = self.state["endpoints"]
        if network not in self.state["networks"]:
            raise Refused(NETWORK_NOT_FOUND)
        if id in endpoints:
            raise Refused(PORT_EXISTS)
        if doc.get("HostComputeNetwork") and guid(doc["HostComputeNetwork"]) != network:
            raise Refused(INVALID_ARGUMENT)
        taken = {c["IpAddress"] for e in endpoints.values() if e["HostComputeNetwork"].lower() == network
                 for c in e["IpConfigurations"]}
        for config in doc.setdefault("IpConfigurations", []):
            self.check_ip(config.get("IpAddress", ""))
            if config["IpAddress"] in taken:
                raise Refused(ADDRESS_TAKEN)
        for route in doc.setdefault("Routes", []):
            self.check_ip(route.get("NextHop", ""))
            self.check_ip(route.get("DestinationPrefix", ""), prefix=True)
        self.check_endpoint_policies(doc.setdefault("Policies", []))
        mac = str(doc.get("MacAddress") or "00-15-5D-%s" % "-".join(re.findall("..", id.replace("-", "")[:6])))
        if not re.fullmatch(r"([0-9A-Fa-f]{2}[-:]){5}[0-9A-Fa-f]{2}", mac):
            raise Refused(INVALID_ARGUMENT, "MacAddress %s is invalid." % mac)
        doc.update(ID=id.upper(), HostComputeNetwork=network.upper(), MacAddress=mac.upper().replace(":", "-"))
        doc.setdefault("Dns", {})
        doc.setdefault("Flags", 0)
        doc.setdefault("Name", "")
        endpoints[id] = doc

    def check_endpoint_policies(self, policies):
        for policy in policies:
            if not isinstance(policy, dict) or not isinstance(policy.get("Type"), str):
                raise Refused(INVALID_POLICY_TYPE)
            if policy["Type"] == "ACL":
                self.check_acl(policy.get("Settings"))

    def check_acl(self, acl):
        ok = (isinstance(acl, dict) and acl.get("Action") in ("Allow", "Block")
              and acl.get("Direction") in ("In", "Out") and acl.get("RuleType", "Switch") in ("Switch", "Host")
              and isinstance(acl.get("Priority", 0), int) and 0 <= acl.get("Priority", 0) <= 65535
              and all(p.strip().isdigit() for p in str(acl.get("Protocols", "")).split(",") if p))
        if not ok:
            raise Refused(INVALID_POLICY, "The ACL policy is invalid: %s" % json.dumps(acl))
        sets = set().union(*(self.sets_of(n.get("Policies", [])) for n in self.state["networks"].values()))
        for key in ("LocalAddresses", "RemoteAddresses"):
            for address in filter(None, str(acl.get(key, "")).split(",")):
                if address not in sets:
                    self.check_ip(address.strip(), prefix=True)

    def change_policies(self, doc, request, policies):
        have = doc.setdefault("Policies", [])
        if request == "Add":
            have += policies
        elif request == "Remove":
            for policy in policies:
                if policy not in have:
                    raise Refused(POLICY_NOT_FOUND)
                have.remove(policy)
        elif request in ("Update", "Refresh"):
            types = {p["Type"] for p in policies}
            have[:] = [p for p in have if p["Type"] not in types] + policies
        elif request == "Reset":
            have[:] = policies
        else:
            raise Refused(REQUEST_UNSUPPORTED)

    def modify_endpoint(self, id, doc, request):
        if request.get("ResourceType") != "Policy":
            raise Refused(REQUEST_UNSUPPORTED)
        policies = (request.get("Settings") or {}).get("Policies") or []
        self.check_endpoint_policies(policies)
        self.change_policies(doc, request.get("RequestType"), policies)

    def delete_endpoint(self, id, doc, _):
        if doc.get("HostComputeNamespace"):
            self.detach(id, doc["HostComputeNamespace"].lower())
        del self.state["endpoints"][id]

    # ---- namespaces ----
    def create_namespace(self, id, doc, _):
        if id in self.state["namespaces"]:
            raise Refused(INVALID_ARGUMENT)
        doc.update(ID=id.upper(), NamespaceId=self.next_namespace, Resources=[])
        doc.setdefault("Type", "Host")
        doc.setdefault("Policies", [])
        self.next_namespace += 1
        self.state["namespaces"][id] = doc
        if id not in self.netns:
            self.netns[id] = self.node.make_netns(id)
            self.made.add(self.netns[id])
        self.tell("NamespaceCreate", id)

    def modify_namespace(self, id, doc, request):
        if request.get("ResourceType") == "Container":
            return
        if request.get("ResourceType") != "Endpoint":
            raise Refused(REQUEST_UNSUPPORTED)
        endpoint = guid((request.get("Settings") or {}).get("EndpointId"))
        if request.get("RequestType") == "Add":
            self.attach(endpoint, id)
        elif request.get("RequestType") == "Remove":
            if endpoint not in self.state["endpoints"]:
                raise Refused(ENDPOINT_NOT_FOUND)
            if not any(r["Data"]["ID"].lower() == endpoint for r in doc["Resources"]):
                raise Refused(NOT_FOUND)
            self.detach(endpoint, id)
        else:
            raise Refused(REQUEST_UNSUPPORTED)

    def attach(self, id, namespace):
        endpoint = self.state["endpoints"].get(id)
        if not endpoint:
            raise Refused(ENDPOINT_NOT_FOUND)
        if endpoint.get("HostComputeNamespace"):
            raise Refused(NAMESPACE_HAS_ENDPOINT)
        doc = self.state["namespaces"][namespace]
        endpoint["HostComputeNamespace"] = namespace.upper()
        doc["Resources"].append({"Type": "Endpoint", "Data": {"ID": id.upper()}})
        network = self.state["networks"].get(endpoint["HostComputeNetwork"].lower(), {})
        # What is the host's own has the tap of its port as it is.
        if doc["Type"] != "HostDefault":
            self.node.plug(id, endpoint, network, self.netns.get(namespace), doc["NamespaceId"],
                           self.adapter_time())
        self.tell("NetworkEndpointAttached", id)

    def detach(self, id, namespace):
        self.state["endpoints"][id].pop("HostComputeNamespace", None)
        doc = self.state["namespaces"].get(namespace)
        if doc:
            doc["Resources"] = [r for r in doc["Resources"] if r["Data"]["ID"].lower() != id]
        self.node.unplug(id)
        self.tell("NetworkEndpointDetached", id)

    def delete_namespace(self, id, doc, _):
        for resource in list(doc["Resources"]):
            self.detach(resource["Data"]["ID"].lower(), id)
        del self.state["namespaces"][id]
        self.drop_netns(id)
        self.tell("NamespaceDelete", id)

    def drop_netns(self, id):
        name = self.netns.pop(id, None)
        if name in self.made:
            self.made.discard(name)
            self.node.delete_netns(name)

    def create_loadbalancer(self, id, doc, _):
        if id in self.state["loadBalancers"]:
            raise Refused(INVALID_ARGUMENT)
        doc["ID"] = id.upper()
        self.state["loadBalancers"][id] = doc

    def modify_loadbalancer(self, id, doc, request):
        doc.update(request.get("Settings") or {})

    def delete_loadbalancer(self, id, doc, _):
        del self.state["loadBalancers"][id]

    # ---- from the Linux side ----
    def namespace(self, verb, name=""):
        """What a container runtime does on a node: namespaces, each with a network namespace of Linux."""
        with self.lock:
            if verb == "list":
                return ["\n".join("%s %s" % pair for pair in self.netns.items())]
            by_name = next((i for i, n in self.netns.items() if name in (n, i, i.upper())), None)
            if verb == "add":
                if by_name:
                    return [by_name]
                id = str(uuid.uuid4())
                self.netns[id] = name
                self.create_namespace(id, {"SchemaVersion": SCHEMA, "Type": "Host"}, "")
            else:
                id = by_name
                if id and id in self.state["namespaces"]:
                    self.delete_namespace(id, self.state["namespaces"][id], {})
            self.save()
            return [id or ""]

    # ---- version 1: what tells the version ----
    def hns(self, method="", path="", _=""):
        start = time.monotonic()
        hr = self.commands.before("HNSCall")
        if not hr and self.setting("service") == "down":
            hr = UNAVAILABLE
        if not hr and "HNSCall" in self.absent:
            hr = NO_PROCEDURE
        if method.upper() == "GET" and path.strip("/").lower() == "globals/version":
            major, minor = self.setting("version").split(".")
            answer = {"Success": True, "Output": {"Major": int(major), "Minor": int(minor)}}
        else:
            answer = {"Success": False, "Error": "The request is unsupported.", "ErrorCode": REQUEST_UNSUPPORTED}
        self.log.write("HNSCall", start, hr, id="", settings="%s %s" % (method, path))
        return [hr, json.dumps(answer)]

    # ---- notifications ----
    def subscribe(self, send):
        with self.lock:
            self.subscribers.append(send)

        def end():
            with self.lock:
                if send in self.subscribers:
                    self.subscribers.remove(send)
        return end

    def tell(self, name, id):
        """Tells all who registered. With `reorder on`, two by two, the later one first."""
        kind = NOTIFICATIONS.get(name, name)
        self.held.append((kind, OK, json.dumps({"ID": id.upper()}) if id else ""))
        if self.setting("reorder") == "on" and len(self.held) < 2:
            threading.Timer(0.2, self.flush_held).start()
            return
        self.flush_held()

    def flush_held(self):
        with self.lock:
            held, self.held = self.held, []
            for message in reversed(held):
                for send in list(self.subscribers):
                    try:
                        send(*message)
                    except OSError:
                        self.subscribers.remove(send)

    # ---- orders ----
    def on_service(self, old, new):
        with self.lock:
            if old == "up" and new == "down":
                self.tell("ServiceDisconnect", "")
                self.flush_held()
                self.subscribers.clear()  # who wants to hear more registers again

    def on_forget(self, what):
        """A reboot: nothing of what was made survives."""
        with self.lock:
            for id in list(self.state["endpoints"]):
                self.node.unplug(id)
            for id in list(self.state["networks"]):
                self.node.vswitch_unmake(id)
            self.clear()
            for id in list(self.netns):
                self.drop_netns(id)
            self.save()

    def on_notify(self, kind, id=""):
        with self.lock:
            self.tell(NOTIFICATIONS.get(kind) or int(kind, 0), id)

    def on_absent(self, function):
        with self.lock:
            (self.missing if function.endswith(".dll") else self.absent).add(function)
            self.write_absent()

    def on_present(self, function):
        with self.lock:
            self.absent.discard(function)
            self.missing.discard(function)
            self.write_absent()

    def write_absent(self):
        """The DLLs take these names out of their exports when a process loads them; a DLL that is absent itself is
        put aside."""
        folder = self.prefix + "/drive_c/windows/system32/"
        with open(folder + "seine-double.absent.new", "w") as f:
            f.write("".join(name + "\n" for name in sorted(self.absent)))
        os.rename(folder + "seine-double.absent.new", folder + "seine-double.absent")
        for dll in ("computenetwork.dll", "vmcompute.dll"):
            here, aside = folder + dll, folder + dll + ".aside"
            if dll in self.missing and os.path.exists(here):
                os.rename(here, aside)
            elif dll not in self.missing and os.path.exists(aside):
                os.rename(aside, here)
