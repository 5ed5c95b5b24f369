"""The code of the backend integration guide, block by block, as it is printed there."""

from __future__ import annotations

import re

BLOCKS = """
### Current backend code (incorrect)
```python
# This creates a client with session_manager = None
client_v11 = LuminoraCoreClientV11(
    base_client=some_client,  # ← This has session_manager = None
    storage_v11=sqlite_storage
)
```

### Step 1: Update Imports
```python
from luminoracore_sdk import LuminoraCoreClient, LuminoraCoreClientV11
from luminoracore_sdk.session.manager import SessionManager
from luminoracore_sdk.personality.manager import PersonalityManager
from luminoracore_sdk.session.storage_sqlite_v11 import SQLiteStorageV11
from luminoracore_sdk.types.provider import ProviderConfig
```

### Step 2: Initialize Components
```python
# Initialize storage
sqlite_storage = SQLiteStorageV11("your_database.db")

# Initialize managers
personality_manager = PersonalityManager()
session_manager = SessionManager(storage=sqlite_storage)
```

### Step 3: Create Base Client
```python
base_client = LuminoraCoreClient(
    storage=sqlite_storage,
    personality_manager=personality_manager,
    session_manager=session_manager
)
```

### Step 4: Create v1.1 Client
```python
client_v11 = LuminoraCoreClientV11(
    base_client=base_client,
    storage_v11=sqlite_storage
)
```

### Step 5: Use send_message_with_memory
```python
result = await client_v11.send_message_with_memory(
    session_id=request.session_id,
    user_message=request.message,
    personality_name=request.personality,
    provider_config=ProviderConfig(
        name="deepseek",  # or your LLM provider
        api_key="your-api-key",
        model="deepseek-chat"
    )
)
```

### Test 1: Basic Conversation
```python
# Test conversation memory
result1 = await client_v11.send_message_with_memory(
    session_id="test_session",
    user_message="Me llamo Carlos, voy al Himalaya",
    personality_name="sakura"
)

result2 = await client_v11.send_message_with_memory(
    session_id="test_session", 
    user_message="Como te llamas?",
    personality_name="sakura"
)

# Should respond: "Me llamo sakura. Y tú eres Carlos, ¿verdad?"
```

### Test 2: Context Awareness
```python
result3 = await client_v11.send_message_with_memory(
    session_id="test_session",
    user_message="Vaya no lo sabes??",
    personality_name="sakura"
)

# Should respond: "¡Por supuesto que sé que te llamas Carlos! Lo mencionaste antes."
```

### Test 3: Memory Persistence
```python
# Check if facts were saved
facts = await client_v11.get_facts("test_session")
# Should include: name: carlos, travel_destination: Himalayas

# Check affinity
affinity = await client_v11.get_affinity("test_session", "sakura")
# Should show affinity progression
```
"""  # noqa: W291 - as printed

GUIDE = dict(re.findall(r"### ([^\n:]+).*?```python\n(.*?)```", BLOCKS, re.DOTALL))
SETUP = [GUIDE[f"Step {number}"] for number in (1, 2, 3, 4)]
TESTS = [GUIDE[f"Test {number}"] for number in (1, 2, 3)]
