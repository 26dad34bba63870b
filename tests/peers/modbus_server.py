"""A device with a boot loader behind pymodbus' server: the map of tests/lib/modbus_dev.h, with file
records, which pymodbus takes apart but does not keep.

usage: modbus_server.py rtu TTY OUT | tcp PORT-FILE OUT
"""
import asyncio
import struct
import sys
import zlib

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext
from pymodbus.file_message import WriteFileRecordRequest
from pymodbus.server.async_io import ModbusSerialServer, ModbusTcpServer
from pymodbus.transaction import ModbusRtuFramer, ModbusSocketFramer

CONTROL, WINDOW, UNIT = 0x1000, 0x2000, 17


class Device:
    def __init__(self, out):
        self.out = out
        self.flash = bytearray(b"MB1.0.0\0".ljust(300000, b"\xff"))
        self.reg = [0] * 16
        self.loader = self.unlocked = False

    def wide(self, at):
        return self.reg[at] << 16 | self.reg[at + 1]

    def validate(self, fx, address, count=1):  # the server's question before it reads or writes
        if address < 8:
            return not self.loader and address + count <= 8
        return CONTROL <= address < CONTROL + 16 or address == WINDOW

    def read(self, address, count):
        if address < 8:
            return list(struct.unpack(">8H", self.flash[2:18]))[address : address + count]
        own = zlib.crc32(self.flash[: self.wide(5)])
        regs = self.reg[:]
        regs[2] |= 4 if self.loader else 0
        regs[9], regs[10] = own >> 16, own & 0xFFFF
        return regs[address - CONTROL : address - CONTROL + count]

    def store(self, at, data):
        if self.unlocked:
            self.flash[at : at + len(data)] = data

    def write(self, address, values):
        if address == WINDOW:
            self.store(self.wide(3), struct.pack(f">{len(values)}H", *values))
            return
        for i, value in enumerate(values):
            self.reg[address - CONTROL + i] = value
        if address == CONTROL:
            self.unlocked = values[0] == 0xA55A
        if address == CONTROL + 1:
            self.command(values[0])

    def command(self, what):
        if what == 1:
            self.loader = True
        elif what == 2:
            self.store(0, b"\xff" * len(self.flash))
        elif what == 3 and zlib.crc32(self.flash[: self.wide(5)]) == self.wide(7):
            self.reg[2] = 8
            with open(self.out, "wb") as f:
                f.write(self.flash[: self.wide(5)])
        elif what == 4:
            self.loader = self.unlocked = False


class Slave(ModbusSlaveContext):
    def __init__(self, device):
        super().__init__()
        self.device = device

    def validate(self, fx, address, count=1):
        return self.device.validate(fx, address, count)

    def getValues(self, fx, address, count=1):
        return self.device.read(address, count)

    def setValues(self, fx, address, values):
        self.device.write(address, values)


def keep_records(device):
    plain = WriteFileRecordRequest.execute

    def execute(self, context):
        for r in self.records:
            device.store(((r.file_number - 1) * 10000 + r.record_number) * 2, r.record_data)
        return plain(self, context)

    WriteFileRecordRequest.execute = execute


async def main(kind, where, out):
    device = Device(out)
    keep_records(device)
    context = ModbusServerContext(slaves={UNIT: Slave(device)}, single=False)
    if kind == "rtu":
        server = ModbusSerialServer(
            context, ModbusRtuFramer, port=where, baudrate=115200, ignore_missing_slaves=True
        )
        await server.start()
        print("ready", flush=True)
    else:
        server = ModbusTcpServer(context, ModbusSocketFramer, address=("127.0.0.1", 0))
        asyncio.get_running_loop().create_task(tell_port(server, where))
    await server.serve_forever()


async def tell_port(server, where):
    while server.server is None or not server.server.sockets:
        await asyncio.sleep(0.01)
    with open(where, "w") as f:
        f.write(f"{server.server.sockets[0].getsockname()[1]}\n")


asyncio.run(main(*sys.argv[1:]))
